"""Prints what memray found at the high-water mark, as JSON: stacks, the innermost frame first.

usage: memray_lines.py CAPTURE
"""

import json
import sys

import memray

reader = memray.FileReader(sys.argv[1])
stacks = []
for record in reader.get_high_watermark_allocation_records(merge_threads=True):
    frames = [[file, line, function] for function, file, line in record.stack_trace()]
    stacks.append({"bytes": record.size, "frames": frames})
json.dump(stacks, sys.stdout)
