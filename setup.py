"""What pyproject.toml cannot say: the world files of configs/ go into the wheel as edgesim.configs."""

from setuptools import find_packages, setup

setup(
    packages=[*find_packages(include=["edgesim", "edgesim.*", "origin", "origin.*"]), "edgesim.configs"],
    package_dir={"edgesim.configs": "configs"},
    package_data={
        "edgesim": ["py.typed", "data/*", "data/*/*", "control/pages/*"],
        "edgesim.configs": ["*.yaml", "*.json"],
        "origin": ["py.typed"],
    },
)
