"""Reading a user's table: csv, tsv, parquet or feather in, `Rows` out.

Nothing is left out, filled in or guessed without a word. Whatever stands in the way of a fit is a
`FileProblem` of one sentence: what is wrong, in which column and row, and what to do. Rows are counted from
1, without the header; the line of the file is given too where every row is a line.

    content    from a path to bytes
    kinds      which kind of file that is
    preamble   where the table of a text begins
    text       from the bytes of a text to columns
    parsing    from bytes to columns
    source     what a parsed file is
    doubts     tables that are read as other ones than they are
    columns    which columns to take, and which names the rows
    notation   how numbers are written
    evidence   which of these ways a column takes
    numbers    from columns to finite numbers
    remedies   what to do about cells that are none
    table      all of that in one call
    words      what the sentences are made of
"""

from bayesgmm.rows.files.table import Table, parse_columns, read_table

__all__ = ["Table", "parse_columns", "read_table"]
