"""The judgement of a batch before anything is spent on it: named rules, what they find, and the report for people.

`judging` is the way in. Only `finding` and `settings` may be imported where the app starts: the rest loads numpy.
"""
