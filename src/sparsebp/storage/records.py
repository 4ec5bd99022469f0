"""Records of what made files: what several share, what each has of its own, and short forms."""


def short(value) -> str:
    """A value of a record in a few words: consecutive numbers by their ends."""
    if not isinstance(value, list):
        return str(value)
    whole = len(value) > 2 and all(isinstance(item, int) for item in value)
    if whole and value == list(range(value[0], value[0] + len(value))):
        return f"{value[0]} to {value[-1]}"
    return ", ".join(map(str, value))


def shared(records: list[dict], depth: int = 2) -> dict:
    """What all records have alike, of nested ones down to a depth."""
    first, *rest = records
    found = {}
    for key, value in first.items():
        values = [value, *(record.get(key) for record in rest)]
        if all(other == value for other in values):
            found[key] = value
        elif depth > 1 and all(isinstance(other, dict) for other in values):
            found[key] = shared(values, depth - 1)
    return {key: value for key, value in found.items() if value != {}}


def own(record: dict, alike: dict) -> dict:
    """What a record has besides what is alike in all."""
    return {
        key: own(value, alike[key]) if isinstance(value, dict) and key in alike else value
        for key, value in record.items()
        if alike.get(key) != value
    }
