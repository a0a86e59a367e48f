"""Collapsing: one outcome for everybody who waits, and a memory of what cannot be shared."""

from __future__ import annotations

from test_store import entry

from edgesim.core.flights import Flights, FlightState


def test_an_outcome_reaches_all_who_wait_and_all_who_come_later() -> None:
    flights, heard = Flights(), []
    flight = flights.lead("a", "leader", 3)
    assert flights.get("a") is flight
    flight.wait(lambda: heard.append("one"))
    flight.wait(lambda: heard.append("two"))
    shared = entry()
    flight.share(shared)
    flight.wait(lambda: heard.append("late"))
    assert heard == ["one", "two", "late"]
    assert flight.entry is shared
    flight.fan_out()
    assert flight.state is FlightState.SHARED


def test_landing_sets_the_waiting_free() -> None:
    flights, heard = Flights(), []
    flight = flights.lead("a", "leader", 0)
    flight.wait(lambda: heard.append("alone"))
    flights.land(flight)
    assert heard == ["alone"]
    assert flight.state is FlightState.ALONE
    assert len(flights) == 0


def test_a_newer_flight_of_the_same_name_stays_when_the_older_lands() -> None:
    flights = Flights()
    old = flights.lead("a", "one", 0)
    new = flights.lead("a", "two", 1)
    flights.land(old)
    assert flights.get("a") is new
    assert flights.oldest() == 1
    flights.land(new)
    assert flights.oldest() is None


def test_hit_for_miss_is_remembered_for_a_while() -> None:
    flights = Flights()
    flights.remember_alone("a", 10.0)
    assert flights.expected_alone("a", 9.9)
    assert not flights.expected_alone("a", 10.0)
    assert not flights.expected_alone("b", 0.0)
    flights.forget_alone("a")
    flights.forget_alone("a")
    assert not flights.expected_alone("a", 0.0)
