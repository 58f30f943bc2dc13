"""The awkward people every workspace has: each is a shape that has broken an importer somewhere."""

from __future__ import annotations

from typing import Any

# Times are days before the sandbox's base time. `x` only exists in this file: a second contact of a pair.
CAST: list[dict[str, Any]] = [
    # no email at all, or none any more
    {"role": "lead", "name": "No Email", "email": None, "created": 40, "seen": 2},
    {"role": "lead", "name": None, "email": None, "created": 3, "seen": 1},
    {"role": "user", "name": "Cleared Email", "email": "", "created": 200, "seen": 4},
    # one person in several contacts, cases and with spaces around
    {"role": "user", "name": "Ana Ruiz", "email": "Ana@x.example.com", "created": 300, "seen": 5},
    {"role": "lead", "name": "ana", "email": "ana@X.example.com", "created": 20, "seen": 1},
    {"role": "lead", "name": "Ana R.", "email": " ana@x.example.com ", "created": 19, "seen": 8},
    {"role": "user", "name": "Ben Adler", "email": "ben@example.org", "created": 250, "seen": 9},
    {"role": "user", "name": "Benjamin Adler", "email": "BEN@example.org", "created": 10, "seen": 9},
    {"role": "lead", "name": "Cy Two", "email": "cy@example.net", "created": 50, "seen": 12},
    {"role": "lead", "name": "Cy Three", "email": "cy@example.net", "created": 50, "seen": 12},
    {"role": "user", "name": "Dot", "email": "dot@example.com\t", "created": 80, "seen": 3},
    {"role": "lead", "name": "Dot Twice", "email": "dot@example.com", "created": 81, "seen": 45},
    # emails nobody can be written to
    {"role": "user", "name": "Half Address", "email": "foo@", "created": 70, "seen": 6},
    {"role": "lead", "name": "Space Inside", "email": "a b@c.example.com", "created": 60, "seen": 6},
    {"role": "user", "name": "No Sign", "email": "no-at-sign", "created": 61, "seen": 7},
    {"role": "lead", "name": "Two Signs", "email": "two@@example.com", "created": 62, "seen": 7},
    {"role": "lead", "name": "Only Space", "email": "   ", "created": 63, "seen": 7},
    {"role": "user", "name": "Long Local", "email": "l" * 250 + "@example.com", "created": 64, "seen": 8},
    {"role": "user", "name": "Unicode Domain", "email": "uni@bücher.example", "created": 65, "seen": 8},
    # names
    {"role": "user", "name": None, "email": "nameless@example.com", "created": 90, "seen": 2},
    {"role": "user", "name": "", "email": "empty.name@example.com", "created": 91, "seen": 2},
    {"role": "user", "name": "   ", "email": "blank.name@example.com", "created": 92, "seen": 2},
    {"role": "user", "name": "Cher", "email": "cher@example.org", "created": 93, "seen": 3},
    {"role": "lead", "name": "דוד כהן", "email": "david@example.net", "created": 94, "seen": 3},
    {"role": "user", "name": "李小龙", "email": "li@example.com", "created": 95, "seen": 3},
    {"role": "lead", "name": "🦄 Party 🎉", "email": "party@example.com", "created": 96, "seen": 4},
    {"role": "user", "name": "👩‍👩‍👧 Family", "email": "family@example.com", "created": 97, "seen": 4},
    {
        "role": "user",
        "name": 'Robert "Bob" O\'Neil',
        "email": "bob.oneil@example.com",
        "created": 98,
        "seen": 4,
    },
    {"role": "user", "name": "Doe, Jane, Dr.", "email": "jane.doe@example.com", "created": 99, "seen": 5},
    {
        "role": "lead",
        "name": "<script>alert(1)</script>",
        "email": "html@example.com",
        "created": 35,
        "seen": 5,
    },
    {"role": "user", "name": "=cmd|' /C calc'!A0", "email": "cmd@example.com", "created": 36, "seen": 5},
    {"role": "user", "name": "@SUM(1+1)", "email": "sum@example.com", "created": 37, "seen": 6},
    {"role": "user", "name": "Zoë\nNewline", "email": "zoe@example.com", "created": 38, "seen": 6},
    {"role": "user", "name": "José Ñandú", "email": "jose@example.com", "created": 39, "seen": 6},
    {"role": "user", "name": "مريم", "email": "maryam@example.com", "created": 41, "seen": 6},
    {"role": "user", "name": "N" * 240, "email": "long.name@example.com", "created": 42, "seen": 6},
    {"role": "user", "name": "{{ 7*7 }} %s", "email": "template@example.com", "created": 43, "seen": 6},
    {"role": "lead", "name": "Robert'); DROP TABLE", "email": "tables@example.com", "created": 44, "seen": 6},
    # plus addresses and quoted locals are right, whatever a careless pattern says
    {"role": "user", "name": "Plus Sign", "email": "plus+tag@mail.example.com", "created": 45, "seen": 7},
    {"role": "user", "name": "Apostrophe", "email": "o'hara@example.com", "created": 46, "seen": 7},
    # policy flags
    {
        "role": "user",
        "name": "Una Sub",
        "email": "una@example.com",
        "created": 47,
        "seen": 7,
        "unsubscribed": True,
    },
    {
        "role": "user",
        "name": "Bo Unced",
        "email": "bo@example.com",
        "created": 48,
        "seen": 8,
        "bounced": True,
    },
    {"role": "lead", "name": "Sam Spam", "email": "sam@example.com", "created": 49, "seen": 8, "spam": True},
    {
        "role": "user",
        "name": "All Flags",
        "email": "flags@example.com",
        "created": 51,
        "seen": 9,
        "unsubscribed": True,
        "bounced": True,
        "spam": True,
    },
    # the picture in its two shapes (§3.1)
    {
        "role": "user",
        "name": "Pia Picture",
        "email": "pia@example.com",
        "created": 52,
        "seen": 9,
        "avatar": {"type": "avatar", "image_url": "https://static.example.com/pia.png"},
    },
    {
        "role": "user",
        "name": "Pip Picture",
        "email": "pip@example.com",
        "created": 53,
        "seen": 9,
        "avatar": "https://static.example.com/pip.png",
    },
    # never seen, long gone, just slipping
    {"role": "user", "name": "Never Seen", "email": "never@example.com", "created": 54, "seen": None},
    {"role": "user", "name": "Long Gone", "email": "gone@example.com", "created": 700, "seen": 400},
    {"role": "user", "name": "Edge Active", "email": "edge@example.com", "created": 100, "seen": 30},
    {"role": "lead", "name": "Just Slipping", "email": "slip@example.com", "created": 101, "seen": 30.001},
]
