"""Weights that are in use, compared with what was packaged.

Order of steps: learn what is expected, and from whom (`expected`), lower this process's priority and bound its speed
(`pace`), look at every entry of the folder and hash what can be right (`folder`), compare and tell (`verify`).
"""
