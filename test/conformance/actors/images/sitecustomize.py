"""agavepy 1.0 uses names that Python 3.10 removed; they are given back before anything is imported."""
import collections
import collections.abc

for name in ('Mapping', 'MutableMapping', 'Sequence', 'Iterable', 'Callable', 'Hashable'):
    if not hasattr(collections, name):
        setattr(collections, name, getattr(collections.abc, name))
