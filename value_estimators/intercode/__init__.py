"""How good the last answer of an InterCode episode looks to those who do not know the wanted one; and to who does."""
