"""What a client can decode (RFC 9110, 12.5.3). Pure."""


def takes_gzip(accepted: str) -> bool:
    """Whether an answer may be compressed with gzip for one whose Accept-Encoding is ``accepted``."""
    for each in accepted.lower().split(","):
        coding, _, weight = each.partition(";")
        if coding.strip() == "gzip":
            return weight.replace(" ", "") not in ("q=0", "q=0.0", "q=0.00", "q=0.000")
    return False
