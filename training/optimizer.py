"""Adam with a lower learning rate for the backbones than for the head."""

import keras


class TwoRates(keras.optimizers.Adam):
    """Adam that takes larger steps in the model's layer "head" than elsewhere.

    (Larger gradients would change nothing: Adam divides each by its own size.)
    """

    def __init__(
        self, learning_rate: keras.optimizers.schedules.LearningRateSchedule, model: keras.Model, head_factor: float
    ) -> None:
        super().__init__(learning_rate)
        self._factor = head_factor
        heads = [layer for layer in model.layers if layer.name == "head"]
        self._head = frozenset(id(variable) for head in heads for variable in head.variables)
        self._faster: frozenset[int] = frozenset()

    def build(self, variables: list[keras.Variable]) -> None:
        """Called by Keras with the variables that are trained."""
        super().build(variables)
        self._faster = frozenset(place for place, variable in enumerate(variables) if id(variable) in self._head)

    def update_step(
        self, gradient: keras.KerasTensor, variable: keras.Variable, learning_rate: keras.KerasTensor
    ) -> None:
        """Called by Keras for each variable."""
        is_faster = self._get_variable_index(variable) in self._faster
        super().update_step(gradient, variable, learning_rate * self._factor if is_faster else learning_rate)
