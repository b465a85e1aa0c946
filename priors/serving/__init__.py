"""A local prior over HTTP: OpenAI's endpoints, and scoring of candidates in one call, merged over clients.

Nothing heavy is imported before it is used.
"""
