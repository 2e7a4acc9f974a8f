"""What we are measured against: code one finds in tutorials and one widely used package, written as
their own documentation says, with the settings that make them fastest here. None of it is ours to use.
"""
