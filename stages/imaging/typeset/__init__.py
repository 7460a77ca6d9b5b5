"""Typesetting: text to lines of glyphs that fit a box, and the contrast they have with what is behind them.

Fonts come in through two protocols (``model``); everything is measured in units of 1/2048 em until a size is chosen.
"""
