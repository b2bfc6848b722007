"""How often a block was tried, and which picture was in hand when its worker died: told to an actor of its own."""

from collections import Counter, defaultdict


class Tries:
    """Counts on one process of the cluster what happens on others, which may die at any moment."""

    def __init__(self) -> None:
        self._tries: Counter[int] = Counter()  # by the number of the part
        self._in_hand: dict[int, int] = {}  # the place of a picture in its block
        self._deaths: defaultdict[int, Counter[int]] = defaultdict(Counter)

    def begin(self, number: int) -> tuple[int, Counter[int]]:
        """Count one more try of a part; return which it is, and how often each place of it was in hand at a death."""
        self._tries[number] += 1
        if number in self._in_hand:
            self._deaths[number][self._in_hand.pop(number)] += 1
        return self._tries[number], self._deaths[number]

    def hold(self, number: int, place: int) -> None:
        """Note that a picture is in hand."""
        self._in_hand[number] = place

    def end(self, number: int) -> None:
        """Forget a part that is done."""
        for counts in (self._tries, self._in_hand, self._deaths):
            counts.pop(number, None)
