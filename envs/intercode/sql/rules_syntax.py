"""What MySQL 8 refuses for its words alone: reserved names, blanks after function names, foreign syntax."""

import re
from collections.abc import Iterator, Sequence
from itertools import pairwise

from sqlglot import Token, TokenType, exp

from envs.intercode.sql.rules_words import (
    ABSENT_FUNCTIONS,
    CAST_TYPES,
    FUNCTIONS_WITHOUT_BLANK,
    KEYWORD_VALUES,
    RESERVED,
)

CLAUSES = ("WHERE", "GROUP BY", "HAVING", "WINDOW", "ORDER BY", "LIMIT")
SETS = ("UNION", "EXCEPT", "INTERSECT")
AFTER_LIMIT = ("", ")", ";", "FOR", "LOCK", "INTO", "PROCEDURE", *SETS)
FOREIGN = ("::", "==", "[")
FOREIGN_INFIX = ("ILIKE", "GLOB", "QUALIFY")
FOREIGN_POSTFIX = ("NOTNULL", "ISNULL")
"""Words that may be names: operators of others only behind a value, where names are not due."""
CONDITIONS = ("WHERE", "HAVING", "ON")
VALUES = (TokenType.VAR, TokenType.IDENTIFIER, TokenType.STRING, TokenType.NUMBER)
FOREIGN_PAIRS = (
    ("NULLS", "FIRST"),
    ("NULLS", "LAST"),
    ("FETCH", "FIRST"),
    ("FETCH", "NEXT"),
    ("SIMILAR", "TO"),
    ("DISTINCT", "ON"),
    ("DISTINCT", "FROM"),
    ("FULL", "OUTER"),
    ("LIMIT", "ALL"),
)


def syntax_error(statement: str, start: int) -> str:
    """Return MySQL's words for a syntax error at a place of the statement."""
    near, line = statement[start:].rstrip().rstrip(";")[:80], statement.count("\n", 0, start) + 1
    return (
        "You have an error in your SQL syntax; check the manual that corresponds to your MySQL server version for "
        f"the right syntax to use near '{near}' at line {line}"
    )


def is_query(statement: str, tokens: Sequence[Token]) -> bool:
    """Return whether a statement begins as a query does; the parser is noisy about others."""
    return bool(tokens) and word_of(tokens[0], statement) in ("SELECT", "WITH", "(")


def words(statement: str, tokens: Sequence[Token], database: str | None) -> str | None:
    """Return what is wrong with the words of a query, or ``None``."""
    place = next(
        (token.start for check in (_foreign, _limits, _clauses, _casts) for token in check(statement, tokens)), None
    )
    if place is not None:
        return syntax_error(statement, place)
    return _union_order(statement, tokens) or _functions(statement, tokens, database)


def structure(statement: str, tree: exp.Query) -> str | None:
    """Return what is wrong with the parts of a query, or ``None``."""
    if word := next(_reserved(tree), None):
        return syntax_error(statement, _place(statement, word))
    for table in tree.find_all(exp.Subquery):
        if isinstance(table.parent, exp.From | exp.Join) and table.arg_key == "this" and not _aliased(table):
            return "Every derived table must have its own alias"
    for join in tree.find_all(exp.Join):
        outer = join.side in ("LEFT", "RIGHT") and join.method != "NATURAL"
        if outer and not join.args.get("on") and not join.args.get("using"):
            return syntax_error(statement, len(statement.rstrip().rstrip(";")))
    for query in _compared(tree):
        if query.args.get("limit") or query.args.get("offset"):
            return "This version of MySQL doesn't yet support 'LIMIT & IN/ALL/ANY/SOME subquery'"
    return None


def word_of(token: Token, statement: str) -> str:
    """Return the keyword a token may be; nothing for strings and names in quotes."""
    return "" if statement[token.start] in "'\"`" else str(token.text).upper()


def _foreign(statement: str, tokens: Sequence[Token]) -> Iterator[Token]:
    clauses = [""]
    text = ["", *(word_of(token, statement) for token in tokens), ""]
    for i, token in enumerate(tokens, 1):
        word, then = text[i], text[i + 1]
        if word == "(":
            clauses.append("")
        elif word == ")":
            clauses = clauses[:-1] or [""]
        elif word in (*CONDITIONS, "SELECT", "FROM", "GROUP BY", "ORDER BY", *SETS):
            clauses[-1] = word
        behind = i > 1 and _ends_value(tokens[i - 2], statement)
        infix = word in FOREIGN_INFIX and (behind or text[i - 1] == "NOT") and i < len(tokens)
        if (
            word in FOREIGN
            or (word, then) in FOREIGN_PAIRS
            or (infix and _begins_value(tokens[i], statement))
            or (word in FOREIGN_POSTFIX and behind and clauses[-1] in CONDITIONS)
        ):
            yield token


def _ends_value(token: Token, statement: str) -> bool:
    """Return whether a value or a name may end here."""
    return token.token_type in (*VALUES, TokenType.R_PAREN) or statement[token.start] == "`"


def _begins_value(token: Token, statement: str) -> bool:
    return token.token_type in (*VALUES, TokenType.L_PAREN) or statement[token.start] == "`"


def _limits(statement: str, tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield what is no plain number after LIMIT."""
    text = [word_of(token, statement) for token in tokens] + [""] * 4
    for i, word in enumerate(text):
        if word != "LIMIT" or (i and text[i - 1] == "."):
            continue
        size = 3 if text[i + 2] in (",", "OFFSET") else 1
        numbers = text[i + 1 : i + 1 + size : 2]
        wrong = next((i + 1 + 2 * k for k, number in enumerate(numbers) if not number.isdigit()), None)
        if wrong is None and text[i + 1 + size] not in AFTER_LIMIT:
            wrong = i + 1 + size
        if wrong is not None and numbers[0] not in ("?", "@", ":"):
            yield tokens[min(wrong, len(tokens) - 1)]


def _clauses(statement: str, tokens: Sequence[Token]) -> Iterator[Token]:
    """Yield a clause that comes after one it must precede: the parser does not mind the order."""
    seen = [-1]
    for token in tokens:
        word = word_of(token, statement)
        if word == "(":
            seen.append(-1)
        elif word == ")":
            seen = seen[:-1] or [-1]
        elif word in SETS or word == "SELECT":
            seen[-1] = -1
        elif word in CLAUSES:
            rank = CLAUSES.index(word)
            # Within OVER (...) and GROUP_CONCAT (... ORDER BY ...) only one of them can stand.
            if rank <= seen[-1]:
                yield token
            seen[-1] = rank


def _casts(statement: str, tokens: Sequence[Token]) -> Iterator[Token]:
    depths: list[bool] = []
    text = [word_of(token, statement) for token in tokens]
    for i, word in enumerate(text):
        if word == "(":
            depths.append(i > 0 and text[i - 1] == "CAST")
        elif word == ")" and depths:
            depths.pop()
        elif word == "AS" and depths and depths[-1] and i + 1 < len(text) and text[i + 1] not in CAST_TYPES:
            yield tokens[i + 1]


def _union_order(statement: str, tokens: Sequence[Token]) -> str | None:
    seen: list[str] = [""]
    for token in tokens:
        word = word_of(token, statement)
        if word == "(":
            seen.append("")
        elif word == ")":
            seen = seen[:-1] or [""]
        elif word in ("ORDER BY", "LIMIT"):
            seen[-1] = seen[-1] or word
        elif word in SETS and seen[-1]:
            return f"Incorrect usage of {word} and {seen[-1]}"
    return None


def _functions(statement: str, tokens: Sequence[Token], database: str | None) -> str | None:
    for i, (token, paren) in enumerate(pairwise(tokens)):
        if paren.token_type != TokenType.L_PAREN or (i and tokens[i - 1].text == "."):
            continue
        word = word_of(token, statement)
        if word not in ABSENT_FUNCTIONS and word not in FUNCTIONS_WITHOUT_BLANK:
            continue
        if _is_cte(tokens, i + 1):
            continue
        if word in ABSENT_FUNCTIONS:
            return f"FUNCTION {database}.{token.text} does not exist"
        if paren.start > token.end + 1:
            return _blank(statement, tokens[i + 2 :], token.text, database)
    return None


def _is_cte(tokens: Sequence[Token], start: int) -> bool:
    """Return whether the parenthesis at ``start`` has the columns of a WITH clause: ``name(...) AS (``."""
    depth = 0
    for i in range(start, len(tokens)):
        depth += {TokenType.L_PAREN: 1, TokenType.R_PAREN: -1}.get(tokens[i].token_type, 0)
        if not depth:
            following = [token.token_type for token in tokens[i + 1 : i + 3]]
            return following == [TokenType.ALIAS, TokenType.L_PAREN]
    return False


def _blank(statement: str, inside: Sequence[Token], name: str, database: str | None) -> str:
    """Return what a blank after a function's name leads to: a stored function is looked for."""
    first = inside[0] if inside else None
    if first is not None and (first.text == "*" or word_of(first, statement) in ("DISTINCT", "ALL")):
        return syntax_error(statement, first.start)
    return (
        f"FUNCTION {database}.{name} does not exist. Check the 'Function Name Parsing and Resolution' section in the "
        "Reference Manual"
    )


def _reserved(tree: exp.Query) -> Iterator[str]:
    """Yield reserved words that stand as names; after a dot any word may."""
    for name in tree.find_all(exp.Identifier):
        word = str(name.this).upper()
        if name.args.get("quoted") or word not in RESERVED or word in KEYWORD_VALUES:
            continue
        parent = name.parent
        if not isinstance(parent, exp.Column | exp.Table | exp.Alias | exp.TableAlias):
            continue
        after_dot = name.arg_key == "this" and (parent.args.get("table") or parent.args.get("db"))
        if not after_dot:
            yield str(name.this)


def _place(statement: str, word: str) -> int:
    match = re.search(rf"(?<![\w.`'\"]){re.escape(word)}(?![\w`'\"])", statement)
    return match.start() if match else 0


def _aliased(table: exp.Subquery) -> bool:
    inside: exp.Expr = table
    while isinstance(inside, exp.Subquery):
        if inside.alias:
            return True
        inside = inside.this
    return isinstance(inside, exp.Table)


def _compared(tree: exp.Query) -> Iterator[exp.Query]:
    """Yield the queries directly after IN, ANY, SOME and ALL."""
    for node in tree.find_all(exp.In, exp.Any, exp.All):
        query = node.args.get("query") if isinstance(node, exp.In) else node.this
        while isinstance(query, exp.Subquery):
            query = query.this
        if isinstance(query, exp.Query):
            yield query


__all__ = ["is_query", "structure", "syntax_error", "word_of", "words"]
