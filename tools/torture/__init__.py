"""What users' machines do to a program, done on purpose: hostile input, kills, full disks, two at once, bad endpoints.

    make torture                                           all parts, about an hour on two cores
    python -m tools.torture inputs --seed 1 --count 100000   one part

Each part prints its counts and the seed that repeats it. Exit code 1 where something was lost, hung or unclear.
"""
