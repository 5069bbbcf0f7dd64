"""The version of this package, which is that of Highwater's programs."""

TEXT = "0.1.0"
