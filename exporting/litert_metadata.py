"""Metadata of a .tflite file: a flatbuffer inside of the model, and the labels in a zip archive at its end.

https://ai.google.dev/edge/litert/conversion/tensorflow/metadata has the format, metadata_schema.fbs its fields.
"""

import io
import zipfile

import flatbuffers

from classifiers.folder import LABELS_FILE

NAME = "TFLITE_METADATA"  # of the buffer
IDENTIFIER = b"M001"  # of a flatbuffer of this schema
LABELS_OF_AN_AXIS, IMAGE, RGB = 2, 2, 1  # AssociatedFileType, ContentProperties and ColorSpaceType of the schema
BYTES = ("color_space", "content_properties_type", "type")  # fields that are one; the others are offsets
#         table                 fields: {name: its place}
FIELDS = {
    "ModelMetadata":    {"name": 0, "description": 1, "subgraph_metadata": 3, "min_parser_version": 7},
    "SubGraphMetadata": {"input_tensor_metadata": 2, "output_tensor_metadata": 3},
    "TensorMetadata":   {"name": 0, "description": 1, "content": 3, "associated_files": 6},
    "Content":          {"content_properties_type": 0, "content_properties": 1},
    "ImageProperties":  {"color_space": 0},
    "AssociatedFile":   {"name": 0, "description": 1, "type": 2},
}  # fmt: skip


def with_metadata(model: bytes, metadata: dict[str, str]) -> bytes:
    """Return a .tflite file with the labels and what they mean in it."""
    from ai_edge_litert import schema_py_generated as schema

    whole = schema.ModelT.InitFromObj(schema.Model.GetRootAs(model, 0))
    buffer, entry = schema.BufferT(), schema.MetadataT()
    buffer.data = _described(metadata)
    entry.name, entry.buffer = NAME, len(whole.buffers)
    whole.buffers.append(buffer)
    whole.metadata = [*(whole.metadata or []), entry]
    builder = flatbuffers.Builder(len(model))
    builder.Finish(whole.Pack(builder), file_identifier=b"TFL3")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as labels:
        labels.writestr(zipfile.ZipInfo(LABELS_FILE, (1980, 1, 1, 0, 0, 0)), metadata["labels"])
    return bytes(builder.Output()) + archive.getvalue()


def _described(metadata: dict[str, str]) -> bytes:
    """Return a ModelMetadata of one picture in, and one probability for each label out."""
    builder = flatbuffers.Builder(1024)
    image = _table(builder, "ImageProperties", color_space=RGB)
    content = _table(builder, "Content", content_properties_type=IMAGE, content_properties=image)
    texts = {"name": "image", "description": metadata["input"]}
    pixels = _table(builder, "TensorMetadata", **_texts(builder, texts), content=content)
    texts = {"name": LABELS_FILE, "description": "a line for each probability"}
    labels = _table(builder, "AssociatedFile", **_texts(builder, texts), type=LABELS_OF_AN_AXIS)
    texts = {"name": "probability", "description": "of each class"}
    files = _vector(builder, labels)
    probabilities = _table(builder, "TensorMetadata", **_texts(builder, texts), associated_files=files)
    tensors = {"input_tensor_metadata": _vector(builder, pixels)}
    tensors["output_tensor_metadata"] = _vector(builder, probabilities)
    subgraphs = _vector(builder, _table(builder, "SubGraphMetadata", **tensors))
    described = ", ".join(f"{key} {value}" for key, value in metadata.items() if key not in ("labels", "name"))
    texts = {"name": metadata["name"], "description": described, "min_parser_version": "1.0.0"}
    model = _table(builder, "ModelMetadata", **_texts(builder, texts), subgraph_metadata=subgraphs)
    builder.Finish(model, file_identifier=IDENTIFIER)
    return bytes(builder.Output())


def _texts(builder: flatbuffers.Builder, texts: dict[str, str]) -> dict[str, int]:
    return {field: builder.CreateString(text) for field, text in texts.items()}


def _vector(builder: flatbuffers.Builder, table: int) -> int:
    """Return a vector of one table."""
    builder.StartVector(4, 1, 4)
    builder.PrependUOffsetTRelative(table)
    return builder.EndVector()


def _table(builder: flatbuffers.Builder, kind: str, /, **values: int) -> int:
    builder.StartObject(1 + max(FIELDS[kind].values()))
    for field, value in values.items():
        if field in BYTES:
            builder.PrependUint8Slot(FIELDS[kind][field], value, 0)
        else:
            builder.PrependUOffsetTRelativeSlot(FIELDS[kind][field], value, 0)
    return builder.EndObject()
