"""What a SavedModel's signature says of it, read as data: its graph is a program, which TensorFlow would execute.

Imports no framework.
"""

import os
from typing import Any

from errors import UsageError
from networks.own_layers import CHANNELS, Outline

FILE, SIGNATURE = "saved_model.pb", "serving_default"
KERAS_2_FILE = "keras_metadata.pb"  # in what its model.save() leaves
MOST_BYTES = 2**29  # of the file, which has the graph but not the weights
UINT8 = 4  # tensorflow/core/framework/types.proto
#   message           its fields that are read: name, number, and what it is; "*": a list
MESSAGES = {  # tensorflow/core/protobuf: saved_model.proto, meta_graph.proto; core/framework/tensor_shape.proto
    "SavedModel":     (("meta_graphs", 2, "*MetaGraph"),),
    "MetaGraph":      (("signatures", 5, "*SignatureEntry"),),
    "SignatureEntry": (("key", 1, "text"), ("value", 2, "Signature")),
    "Signature":      (("inputs", 1, "*TensorEntry"), ("outputs", 2, "*TensorEntry")),
    "TensorEntry":    (("key", 1, "text"), ("value", 2, "Tensor")),
    "Tensor":         (("dtype", 2, "number"), ("shape", 3, "Shape")),
    "Shape":          (("dims", 2, "*Dim"),),
    "Dim":            (("size", 1, "number"),),
}  # fmt: skip


def saved_model_outline(path: str) -> Outline:
    """Return input and classes of the SavedModel in a folder; raises UsageError for one that is no classifier."""
    signature = _signature(path)
    for what, tensors in (("inputs", signature.inputs), ("outputs", signature.outputs)):
        if len(tensors) != 1:
            raise UsageError(
                f"{path} has {len(tensors)} {what}; a classifier takes one picture and gives one row of scores"
            )
    shape, outputs = _shape(signature.inputs[0]), _shape(signature.outputs[0])
    if len(shape) != 4 or shape[1] != shape[2] or shape[1] < 1 or shape[3] not in CHANNELS:
        raise UsageError(
            f"the SavedModel {path} takes {shape}, and not squares of a known size, channels last; save it with the "
            "size that it was trained with: keras.Input((size, size, 3))"
        )
    if len(outputs) != 2 or outputs[1] < 1:
        raise UsageError(f"the SavedModel {path} gives {outputs} for pictures, and not a row of scores for each")
    is_inside = signature.inputs[0].value.dtype == UINT8
    return Outline(shape[1], shape[3], outputs[1], "", False, is_preprocessed=is_inside)


def as_file(path: str) -> str:
    """Return how to get a model in a file from a SavedModel, for people."""
    how = "where it was trained, save the model as a file: model.save('mine.keras')"
    if not os.path.exists(os.path.join(path, KERAS_2_FILE)):
        return how
    return (
        f"{how}. This one is Keras 2's: if you trust it, for loading executes it, pip install tf_keras, and python -c "
        f"\"import tf_keras; tf_keras.models.load_model({path!r}).save('mine.h5')\""
    )


def _signature(path: str) -> Any:
    from google.protobuf.message import DecodeError

    file = os.path.join(path, FILE)
    try:
        if os.path.getsize(file) > MOST_BYTES:
            raise ValueError(f"it has more than {MOST_BYTES:,} bytes")
        with open(file, "rb") as content:
            graphs = _message_class("SavedModel").FromString(content.read()).meta_graphs
    except (OSError, ValueError, DecodeError) as error:
        raise UsageError(f"the SavedModel {path} cannot be read: {error}") from error
    found = {entry.key: entry.value for graph in graphs for entry in graph.signatures}
    if SIGNATURE not in found:
        raise UsageError(
            f"the SavedModel {path} has no signature {SIGNATURE}, which would say what it takes (it has: "
            f"{', '.join(sorted(found)) or 'none'})"
        )
    return found[SIGNATURE]


def _shape(entry: Any) -> list[int]:
    return [dim.size for dim in entry.value.shape.dims]


def _message_class(name: str) -> Any:
    """Return what parses a message of MESSAGES; the other fields are passed over."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    field = descriptor_pb2.FieldDescriptorProto
    kinds = {"text": field.TYPE_STRING, "number": field.TYPE_INT64}
    file = descriptor_pb2.FileDescriptorProto(name="saved_model.proto", package="read")
    for message, fields in MESSAGES.items():
        described = file.message_type.add(name=message)
        for key, number, what in fields:
            kind = what.lstrip("*")
            label = field.LABEL_REPEATED if what.startswith("*") else field.LABEL_OPTIONAL
            one = described.field.add(name=key, number=number, label=label, type=kinds.get(kind, field.TYPE_MESSAGE))
            if kind in MESSAGES:
                one.type_name = f".read.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(file.SerializeToString())
    return message_factory.GetMessageClass(pool.FindMessageTypeByName(f"read.{name}"))
