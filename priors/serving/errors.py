"""What a client is told when a request cannot be answered, in the form that OpenAI's clients understand."""

from typing import Any

from slinvit.errors import InputError


class Refused(InputError):
    """Raised where a request is refused.

    Args:
        message: one line.
        status: of HTTP.
        param: the field that is wrong.
        code: a word for programs.
    """

    def __init__(self, message: str, *, status: int = 400, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status, self.param, self.code = status, param, code


def error_body(message: str, *, status: int, param: str | None = None, code: str | None = None) -> dict[str, Any]:
    """Return the JSON object of an error."""
    kind = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}.get(status)
    kind = kind or ("invalid_request_error" if status < 500 else "server_error")
    return {"error": {"message": message, "type": kind, "param": param, "code": code}}
