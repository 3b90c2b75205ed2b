"""Writes TOML: the standard library only reads it."""
import json

from basics import Table


def toml_value(value: object) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (int, float)):
        return str(value)
    if isinstance(value, str):
        return json.dumps(value)
    if isinstance(value, list) and value and all(isinstance(x, dict) for x in value):
        return "[\n" + "".join(f"  {toml_value(x)},\n" for x in value) + "]"
    if isinstance(value, list):
        return "[" + ", ".join(toml_value(x) for x in value) + "]"
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(k)} = {toml_value(x)}" for k, x in value.items()) + " }"
    raise TypeError(type(value))


def toml_dump(table: Table) -> str:
    out = [f"{json.dumps(k)} = {toml_value(v)}" for k, v in table.items() if not isinstance(v, dict)]
    for key, value in table.items():
        if isinstance(value, dict):
            out.append(f"\n[{json.dumps(key)}]")
            out += [f"{json.dumps(a)} = {toml_value(b)}" for a, b in value.items()]
    return "\n".join(out) + "\n"
