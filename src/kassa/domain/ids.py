"""Identifiers: they begin with time, so that indexes grow at one end, and end in chance, so that none is guessed."""

ALPHABET = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"  # in byte order, so ids sort by time
RANDOM_BYTES = 7
_BASE = len(ALPHABET)
_PAIRS = [a + b for a in ALPHABET for b in ALPHABET]
_TIME_DIGITS = 7  # 62^7 milliseconds reach into the year 2081
_RANDOM_SPACE = _BASE**9


def object_id(prefix: str, now_ms: int, entropy: bytes) -> str:
    """An id such as `order_` + 16 alphanumerics: 7 of milliseconds since 1970, 9 of `entropy` (7 bytes or more).

    Nine digits are 53 bits for each millisecond: nobody guesses one through a rate-limited door.
    """
    random = int.from_bytes(entropy) % _RANDOM_SPACE
    number = (now_ms % _BASE**_TIME_DIGITS) * _RANDOM_SPACE + random
    pairs = []
    for _ in range(8):
        number, pair = divmod(number, _BASE * _BASE)
        pairs.append(_PAIRS[pair])
    return prefix + "".join(reversed(pairs))


def uuid7(now_ms: int, entropy: bytes) -> str:
    """A version 7 UUID (RFC 9562, section 5.7) from milliseconds since 1970 and 10 bytes of entropy."""
    number = (now_ms & 0xFFFF_FFFF_FFFF) << 80 | int.from_bytes(entropy[:10])
    number = number & ~(0xF << 76) & ~(0x3 << 62) | 0x7 << 76 | 0x2 << 62
    text = f"{number:032x}"
    return f"{text[:8]}-{text[8:12]}-{text[12:16]}-{text[16:20]}-{text[20:]}"
