"""Finds words in speech: what is looked for (``words``, ``lexicon``), and who looks (``spotter``, ``sphinx``).

Words are secrets: no error, log or finding here ever contains one. They are told by where they stand.
"""
