"""Answers with an entity tag: a client that has the content is answered without it."""

from hashlib import sha256

from fastapi import Request, Response


def tagged(request: Request, content: bytes, media_type: str, cache: str) -> Response:
    """The content, or 304 where `If-None-Match` names it (RFC 9110 section 13.1.2)."""
    tag = f'"{sha256(content).hexdigest()[:32]}"'
    headers = {"ETag": tag, "Cache-Control": cache}
    known = request.headers.get("if-none-match", "")
    if known.strip() == "*" or tag in [one.strip().removeprefix("W/") for one in known.split(",")]:
        return Response(status_code=304, headers=headers)
    return Response(content, headers=headers, media_type=media_type)
