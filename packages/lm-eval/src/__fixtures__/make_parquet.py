"""
The Parquet files beside this one, in the layouts of the Hugging Face hub.

    pip install pyarrow==25.0.1
    python make_parquet.py
"""
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

HERE = Path(__file__).parent / "parquet"
CHOICES = pa.struct([("text", pa.list_(pa.string())), ("label", pa.list_(pa.string()))])
ARC = pa.schema([("id", pa.string()), ("question", pa.string()), ("choices", CHOICES), ("answerKey", pa.string())])


def arc(shard, compression, *rows):
    table = pa.Table.from_pylist([dict(zip(ARC.names, row)) for row in rows], schema=ARC)
    pq.write_table(table, HERE / f"arc_easy/ARC-Easy/test-{shard:05}-of-00002.parquet", compression=compression)


first = {"text": ["ä", "b", "c"], "label": ["1", "2", "3"]}
second = {"text": ["x", "y", "z", "w"], "label": ["A", "B", "C", "D"]}
third = {"text": ["me", "you", "all"], "label": ["A", "B", "C"]}
arc(0, "snappy", ("i", "Which?", first, "2"), ("j", "What?", second, "D"))
arc(1, "zstd", ("k", "Who?", third, "A"))

PIQA = pa.schema([("goal", pa.string()), ("sol1", pa.string()), ("sol2", pa.string()), ("label", pa.int64())])
row = {"goal": "a", "sol1": "b", "sol2": "c", "label": 1}
pq.write_table(
    pa.Table.from_pylist([row], schema=PIQA), HERE / "piqa/plain_text/validation/0000.parquet", compression="gzip"
)
