"""The version of jaxem."""

__version__ = "0.1.0"
