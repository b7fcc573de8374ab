"""The offline teacher: the blocks of a page → claims of one type each → disambiguation → paraphrases.

`blocks.py` walks a page; `tables.py`, `lists.py`, `prose.py` and `code.py` read claims; `disambiguate.py` gives each
the context in which its question has one answer; `paraphrases.py` asks for it with `templates.py`, `premises.py`
asserts values. The lexicons stand beside them: `lexicon.py` and `relations.txt`.
"""
