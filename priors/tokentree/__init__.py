"""Exact log-probabilities of token sequences, with every distinct token forwarded once.

Token ids in, nats out; nothing here knows text, states or actions.
"""
