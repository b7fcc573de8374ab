"""The forms in which reference manuals list their entries, each with what is asked of it and what is not."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from understudy.generate.base import Page
from understudy.generate.extractive.descriptions import describe
from understudy.generate.extractive.teacher import ExtractiveTeacher

MakePage = Callable[..., Page]


def asked(page: Page) -> dict[str, str]:
    """The first question of every fact, with its answer."""
    taught = ExtractiveTeacher("Heron").teach([page])
    return {fact.asks[0].questions[0]: fact.asks[0].answer for fact in taught.facts}


def test_a_default_in_brackets_behind_the_name_is_read_with_its_description(page: MakePage) -> None:
    text = (
        "# Heron Configuration Parameters\n\n## The heron.cf file format\n\n"
        "**letter_delay_limit (default: 30s)**\n: The time after which a letter is given up.\n\n"
        "**letter_size_limit [default 64]**\n: The maximal size of a letter.\n\n"
        "**letter_root_path (default: see the output of heron -d)**\n: The folder that holds all letters.\n"
    )
    found = asked(page(text, title="Heron Configuration Parameters"))
    assert found["What is the default value of the parameter `letter_delay_limit` in Heron?"] == "30s"
    assert found["What is the default value of the parameter `letter_size_limit` in Heron?"] == "64"
    assert "The time after which a letter is given up." in found.values()
    assert not any("letter_root_path" in question and "default" in question for question in found)


def test_the_values_of_an_entry_are_no_entries(page: MakePage) -> None:
    text = (
        "# Heron configuration parameters\n\n"
        "**letter_check_mode (default: loose_check)**\n: How letters are checked.\n\n"
        "  **strict_check_all**\n  : The mode that refuses every letter without a stamp.\n\n"
        "**letter_root_path**\n: The folder that holds all letters.\n"
    )
    found = asked(page(text, title="Heron configuration parameters"))
    assert "letter_root_path" in found.values()
    assert not any("strict_check_all" in question for question in found)


def test_a_table_of_one_thing_tells_the_default_of_its_heading(page: MakePage) -> None:
    sheet = "| type | default | `obsolete legacy` directive |\n|---|---|---|\n| integer | {} | none |\n\n{}\n\n"
    text = (
        "# inbird: a module that reads letters\n\n## Input parameters\n\n"
        f"### KeepLetters.Probes\n\n{sheet.format(5, 'The number of looks before a letter is lost.')}"
        f"### KeepLetters.Time\n\n{sheet.format('', 'Deprecated. The time between two looks.')}"
    )
    found = asked(page(text, title="inbird: a module that reads letters"))
    assert found["What is the default value of the parameter `KeepLetters.Probes` in inbird?"] == "5"
    assert "The number of looks before a letter is lost." in found.values()
    assert not any("KeepLetters.Time" in question for question in found)


def test_a_default_may_be_a_phrase(page: MakePage) -> None:
    text = (
        "# Configuration\n\n## Birds\n\n### `bird_pool_size`\n\nDefault: Number of CPU cores.\n\n"
        "The number of birds that fly at once.\n\n### `bird_pool_name`\n\nDefault: see above and below.\n\nA name.\n"
    )
    found = asked(page(text, title="Configuration"))
    assert found["What is the default value of the setting `bird_pool_size` in Heron?"] == "Number of CPU cores"
    assert not any("bird_pool_name` in" in question and "default" in question for question in found)


def test_rows_of_options_without_a_header_are_of_the_command(page: MakePage) -> None:
    text = (
        "# heron prune\n\n```\nheron prune [options] NEST\n```\n\n"
        "|  |  |  |\n|---|---|---|\n| **options** |  |  |\n"
        "|  | `-n`, `--dry-run` | print each letter that would be lost |\n"
        "|  | `--keep-daily` | number of birds that stay when a nest is cleaned |\n"
        "|  | `-c SECONDS`, `--pause SECONDS` | wait SECONDS seconds before each letter (Default: 1800) |\n"
    )
    found = asked(page(text, title="heron prune"))
    assert found["What does the option `--dry-run` do in heron prune?"] == "Prints each letter that would be lost."
    assert "Number of birds that stay when a nest is cleaned." in found.values()
    assert "1800" in found.values()
    unknown = page(text.replace("heron prune", "Cleaning a nest"), title="Cleaning a nest")
    assert not any("--keep-daily" in question for question in asked(unknown))


def test_a_page_of_error_codes_has_them_as_headings(page: MakePage) -> None:
    text = (
        "This page is about errors.\n\n"
        "## `letter_limit_reached`\n\nA letter exceeds the maximum of 65 pages.\n\n"
        "## `nest_not_found`\n\nThe requested nest does not exist.\n"
    )
    found = asked(page(text, title="Error codes"))
    assert len(found) == 2
    assert any("letter_limit_reached" in q and a.startswith("A letter exceeds") for q, a in found.items())


def test_what_measures_is_a_noun() -> None:
    for text in (
        "Timeout in seconds for reading a letter.",
        "total number of bytes sent to the network",
        "Name of the class that reads letters.",
    ):
        found = describe(text)
        assert found is not None, text
        assert found.style == "is", text
    assert describe("Time is lost.") is None


def test_settings_written_as_a_file_writes_them_are_asked_with_their_section(page: MakePage) -> None:
    text = (
        "# heron.conf(5)\n\n## [nest] section options\n\nThe `[Nest]` section tells of nests.\n\n"
        "*LetterDelaySec=*\n: Specifies the time after which a letter is given up.\n\n"
        "*KeepLetters=*\n: Configures whether letters stay in the nest. Defaults to yes.\n"
    )
    found = asked(page(text, title="heron.conf(5)"))
    purpose = "What does the option `LetterDelaySec` of the `[Nest]` section do in heron.conf?"
    assert found[purpose] == "Specifies the time after which a letter is given up."
    assert (
        found["What is the default value of the option `KeepLetters` of the `[Nest]` section in heron.conf?"] == "yes"
    )


def test_an_entry_may_be_told_line_by_line(page: MakePage) -> None:
    text = (
        "# Main configuration\n\n## Alphabetical list of options\n\n"
        "letter_delay_limit\n\nUse: main\n\nType: time\n\nDefault: 30s\n\n"
        "This option sets the time after which a letter is given up.\n\n"
        "letter_check\n\nUse: main\n\nType: boolean\n\nDefault: true\n\n"
        "The four letter_... options allow for more looks.\n"
    )
    found = asked(page(text, title="Main configuration"))
    assert found["What is the default value of the setting `letter_delay_limit` in Heron?"] == "30s"
    assert found["What does the setting `letter_delay_limit` do in Heron?"] == (
        "Sets the time after which a letter is given up."
    )
    assert found["What is the default value of the setting `letter_check` in Heron?"] == "true"
    assert not any("four" in answer for answer in found.values()), "what is said of several is of none of them"


SAMPLE = """# The longest time that a letter waits.
letter_delay_limit = 30

# Replace with the name of your nest.
letter_nest_name = "x"

# When set to true, letters are counted
# before they are sent.
count_letters = {counted}

# The folder of all letters.
letter_root = "/path/to/your/letters"

[birds]
# The number of birds that fly at once.
pool_size = 4

# Whether the flock pauses while the sun stands high.
# rest_at_noon = true
"""


def test_a_sample_of_a_configuration_file_tells_its_settings(page: MakePage) -> None:
    intro = "The settings with their default values are listed below:\n\n"
    code = f"```toml\n{SAMPLE.format(counted='false')}```\n"
    found = asked(page(f"# Configuration\n\n{intro}{code}", title="Configuration"))
    assert found["What is the default value of the setting `letter_delay_limit` in Heron?"] == "30"
    assert "When set to true, letters are counted before they are sent." in found.values()
    assert found["What is the default value of the setting `pool_size` of the `[birds]` section in Heron?"] == "4"
    assert "Whether the flock pauses while the sun stands high." in found.values()
    assert not any("letter_root" in q and "default" in q for q in found), "a value to be filled in is no default"
    assert not any("rest_at_noon" in q and "default" in q for q in found), "a line that is commented out sets nothing"
    assert not any("your nest" in answer for answer in found.values()), "what its reader is told to do is no purpose"
    without = asked(page(f"# Configuration\n\nAn example of such a file:\n\n{code}", title="Configuration"))
    assert not any("default" in question for question in without), "values of an example are no defaults"


def test_a_function_of_many_parts_says_itself_what_it_is_of(page: MakePage) -> None:
    text = (
        "# Tuning\n\n`setMaxLetterDelayTime(n)`\n: Sets after how many seconds a bird drops what it carries.\n\n"
        "`setDelay(n)`\n: Sets the time between two looks.\n"
    )
    found = asked(page(text, title="Tuning related functions"))
    purpose = "Sets after how many seconds a bird drops what it carries."
    assert found["What does `setMaxLetterDelayTime()` do in Heron?"] == purpose
    assert not any("`setDelay()`" in question for question in found)


def test_a_module_is_called_as_its_section_writes_it_and_three_of_many_are_asked_the_same(page: MakePage) -> None:
    sections = "".join(
        f"## {name}\n\nThe `{name.lower()}` module shows the {name.lower()}.\n\n### Options\n\n"
        "| Option | Default | Description |\n|---|---|---|\n"
        f"| `disabled` | `false` | Disables the `{name.lower()}` module. |\n"
        f"| `letter_{name.lower()}` | `{name.lower()[:2]}1` | The sign that stands for it at night. |\n\n"
        for name in ("Battery", "Clock", "Engine", "Ferry", "Garden")
    )
    found = asked(page(f"# Configuration\n\n{sections}", title="Configuration"))
    default = "What is the default value of the option `{}` of the `{}` module in Heron?"
    assert found[default.format("letter_garden", "garden")] == "ga1"
    assert found[default.format("disabled", "battery")] == "false"
    assert sum("`disabled`" in question and "default" in question for question in found) == 3


@pytest.mark.parametrize(
    "told",
    [
        "Set when letters are shown at night.",
        "Set it to 128 to send letters of that size.",
        "Serves two purposes. First, it counts letters.",
        'Takes one of "day" or "night".',
    ],
)
def test_what_is_no_purpose_is_not_described(told: str) -> None:
    assert describe(told) is None


def test_a_description_that_the_next_paragraph_takes_back_is_not_asked(page: MakePage) -> None:
    text = (
        "# heron-send(1)\n\n## Options\n\n"
        "`--trace-file`\n: Writes what the bird sees into a file. The default is off.\n\n"
        "  This is ignored if the bird sleeps.\n\n"
        "`--feather-count`\n: Prints how many feathers were lost.\n\n  They grow again in spring.\n"
    )
    found = asked(page(text, title="heron-send(1)"))
    assert found["What does the option `--feather-count` do in heron-send?"] == "Prints how many feathers were lost."
    assert found["What is the default value of the option `--trace-file` in heron-send?"] == "off"
    assert not any("what the bird sees" in answer for answer in found.values())


def test_an_option_that_a_page_lists_with_two_meanings_is_not_asked(page: MakePage) -> None:
    text = (
        "# heron-key(1)\n\n## Options\n\n`-Y find`\n: Finds the letters that bear a seal.\n\n"
        "`-Y check`\n: This is what a seal is compared with when a letter comes.\n\n"
        "`-q`\n: Keeps the bird quiet while it flies.\n"
    )
    found = asked(page(text, title="heron-key(1)"))
    assert found["What does the option `-q` do in heron-key?"] == "Keeps the bird quiet while it flies."
    assert not any("-Y" in question for question in found)


@pytest.mark.parametrize(
    "told",
    [
        "Specify a number if you want letters to be counted.",
        "Names the program that reads letters as the TOKENS section says.",
        "Notify level (none, all)",
    ],
)
def test_advice_places_and_nouns_are_no_purpose(told: str) -> None:
    assert describe(told) is None


def test_posts_of_a_blog_state_nothing(page: MakePage) -> None:
    text = "# heron(1)\n\n## Options\n\n`--feather-count`\n: Prints how many feathers were lost.\n"
    assert asked(page(text, doc_id="guide/options.md", title="heron(1)"))
    assert not asked(page(text, doc_id="blog/posts/options.md", title="heron(1)"))


def test_a_flag_is_asked_with_the_statement_that_its_section_is_about(page: MakePage) -> None:
    text = (
        "# heron(8)\n\n## Log statement\n\n| Flag | Description |\n|---|---|\n"
        "| `fish_seen` | Logs how many fish a bird saw while it flew. |\n"
        "| `wind_felt` | Logs which way the air went at night. |\n"
    )
    found = asked(page(text, title="heron(8)"))
    purpose = "What does the flag `fish_seen` of the log statement do in heron?"
    assert found[purpose] == "Logs how many fish a bird saw while it flew."


def test_to_set_a_timeout_is_an_act() -> None:
    told = describe("Set timeout for letters to 30 seconds.", flag=True)
    assert told is not None
    assert (told.style, told.text) == ("does", "Sets timeout for letters to 30 seconds")
