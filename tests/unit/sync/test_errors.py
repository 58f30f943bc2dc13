"""What the errors of a CRM promise to those that act on them."""

import pytest

from passalong.sync.errors import CredentialsError


def test_it_refuses_a_code_by_which_nobody_would_know_that_the_connection_was_lost() -> None:
    with pytest.raises(ValueError, match="key_expired"):
        CredentialsError("key_expired", "The key has expired.", "Make a new one.")
