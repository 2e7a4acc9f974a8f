"""What finance prints and files: each report is one function that returns frozen facts, then a page of
them in the reader's language, then that page as HTML or as a workbook."""
