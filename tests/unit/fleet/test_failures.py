"""Errors of templates, in the words of ansible-core: what is shown of them, and what never is."""

from __future__ import annotations

import pytest

from ansible_collections.miribit.thanos.plugins.module_utils.fleet.failures import failure

SECRET = "word_that_must_stay_secret"
TEMPLATE = (
    "{{ lookup('a.b.c', 'x.pem') ~ lookup('file', 'ca.pem') ~ name ~ secrets.key | from_json ~ lookup('env', 'X') }}"
)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Attempting to decrypt but no vault secrets found.", "no vault password was given"),
        ("Decryption failed (no vault secrets were found that could decrypt).", "the vault password is wrong"),
        ("The lookup plugin 'a.b.c' was not found.", "the lookup plugin a.b.c is not installed"),
        ("The lookup plugin 'file' failed: Unable to access the file 'ca.pem': File not found.", "ca.pem is missing"),
        ("The lookup plugin 'file' failed: [Errno 2] No such file or directory: '/folder/ca.pem'", "/folder/ca.pem is"),
        ("'name' is undefined", "'name' is undefined"),
        ("object of type 'dict' has no attribute 'key'", "'key' is undefined"),
        (
            "The filter plugin 'ansible.builtin.from_json' failed: Expecting value",
            "the plugin from_json reports an error",
        ),
        ("The environment variable 'X' is not set.", "the environment variable X is not set"),
        ("Syntax error in template: unexpected '}'", "its syntax is invalid"),
    ],
)
def test_a_known_cause_is_named_with_what_the_template_says(text: str, words: str) -> None:
    assert words in failure(text, {TEMPLATE}, secret=True).cause


@pytest.mark.parametrize(
    "text",
    [
        f"The lookup plugin '{SECRET}.b.c' was not found.",
        f"No filter named '{SECRET}'.",
        f"The lookup plugin 'file' failed: Unable to access the file '/a/{SECRET}': File not found.",
        f"the template file {SECRET} could not be found for the lookup",
        f"'{SECRET}' is undefined",
        f"object of type 'dict' has no attribute '{SECRET}'",
        f"The filter plugin '{SECRET}' failed: {SECRET}",
        f"The environment variable '{SECRET}' is not set.",
        f"The lookup plugin 'pipe' failed: lookup_plugin.pipe({SECRET}) returned 3",
        f"{SECRET} and nothing that is known",
    ],
)
def test_no_other_word_of_an_error_is_shown(text: str) -> None:
    flaw = failure(text, {TEMPLATE}, secret=True)
    assert SECRET not in flaw.cause + flaw.fix
    assert flaw.cause.startswith("its template fails")


def test_of_other_variables_an_unknown_cause_is_shown_up_to_a_length() -> None:
    assert failure("something new.", (), secret=False).cause == "its template fails: something new"
    assert failure("a" * 500, (), secret=False).cause == f"its template fails: {'a' * 200}..."
