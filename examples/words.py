"""words.py - the original booklet on the files that the demonstration made

    words.py compare FILE WORDS     every word has its number and length
    words.py change FILE WORDS      turn the value of each 100th word round
    words.py changed FILE WORDS N   what both changes left: the values turned
                                    round, and the first N words missing
    words.py countries FILE JSON    make a store of the countries
    words.py country FILE CODE      print the name of one of them

Exit status 1 when a file does not hold what it should.
"""

import json
import sys

import booklet

STEP = 100  # each STEP-th word is changed


def stored_words(path):
    """What load_words stores: the word, and "number length" as text."""
    with open(path, encoding="utf-8") as lines:
        words = lines.read().splitlines()
    return {
        word: f"{number} {len(word.encode())}"
        for number, word in enumerate(words, 1)
    }


def changed_words(path):
    """The words that change() gives another value, with that value."""
    items = list(stored_words(path).items())
    return {word: value[::-1] for word, value in items[STEP - 1 :: STEP]}


def compare(file, expected):
    """By iteration, by the count in the header, and by single lookups."""
    with booklet.open(file) as store:
        differing = [
            word for word in expected if store.get(word) != expected[word]
        ]
        if dict(store.items()) != expected or len(store) != len(expected):
            differing.append("(an iteration over all)")
    for word in differing[:10]:
        print(f"{file}: {word} is not as expected", file=sys.stderr)
    print(f"booklet {booklet.__version__} agrees on"
          f" {len(expected) - len(differing)} of {len(expected)} words")
    return bool(differing)


def change(file, words):
    changed = changed_words(words)
    with booklet.open(file, "w") as store:
        for word, value in changed.items():
            store[word] = value
    print(f"booklet {booklet.__version__} overwrote {len(changed)} values")


def compare_changed(file, words, n_deleted):
    expected = stored_words(words) | changed_words(words)
    for word in list(expected)[:n_deleted]:
        del expected[word]
    return compare(file, expected)


def make_countries(file, path):
    with open(path, encoding="utf-8") as text:
        countries = json.load(text)["3166-1"]
    with booklet.open(file, "n", "str", "json") as store:
        for country in countries:
            store[country["alpha_2"]] = country
    print(len(countries))


def print_country(file, code):
    with booklet.open(file) as store:
        print(store[code]["name"])


def main(command, file, *rest):
    if command == "compare":
        return compare(file, stored_words(rest[0]))
    if command == "changed":
        return compare_changed(file, rest[0], int(rest[1]))
    actions = {
        "change": change,
        "countries": make_countries,
        "country": print_country,
    }
    actions[command](file, *rest)
    return 0


if __name__ == "__main__":
    if len(sys.argv) < 4:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
