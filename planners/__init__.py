"""SLINVIT and the searches it is compared with."""
