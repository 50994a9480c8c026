import pytest

from automation.errors import RateLimitedError, SiteError
from automation.secret_mask import SecretMask


@pytest.mark.parametrize(
    ("words", "kept"),
    [
        ("key secret-key-0123456789/+= is bad", "key … is bad"),
        ("key secret-key-0123456789%2F%2B%3D is bad", "key … is bad"),
        ("secret-key-0123456789/+=secret-key-0123456789/+=", "……"),
        ("it was secret-key-01234", "it was …"),
        ("it was secret-key-01…", "it was ……"),
        ('a \\"quoted\\" secret', "a … secret"),
        ("a &quot;quoted&quot; secret", "a … secret"),
        ("secret", "secret"),
        ("true", "true"),
        ("", ""),
    ],
)
def test_secrets_are_taken_out_also_where_they_are_escaped_or_cut(words, kept):
    assert SecretMask(["secret-key-0123456789/+=", '"quoted"', "true", ""]).words(words) == kept


def test_an_error_keeps_what_is_no_secret():
    error = RateLimitedError("bad secret-key-0123456789/+=", 7.0, "quota")

    SecretMask(["secret-key-0123456789/+="]).clean(error)

    assert str(error) == "The site limits this account: bad …"
    assert (error.site_message, error.retry_after_s, error.kind) == ("bad …", 7.0, "quota")


def test_an_error_that_says_nothing_of_a_site_is_left_alone():
    error = ValueError("secret-key-0123456789/+=")

    SecretMask(["secret-key-0123456789/+="]).clean(error)

    assert str(error) == "secret-key-0123456789/+="


def test_errors_in_a_group_are_cleaned_as_well():
    inner = SiteError("secret-key-0123456789/+=")

    SecretMask(["secret-key-0123456789/+="]).clean(BaseExceptionGroup("x", [inner, KeyboardInterrupt()]))

    assert (str(inner), inner.site_message) == ("The site reported: …", "…")
