"""The one exception that a user of the lab meets."""


class LabError(Exception):
    """What is wrong, why, and what to do about it, in words for the person at the terminal."""
