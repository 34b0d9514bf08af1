"""What a model needs before it is loaded: memory, floating-point operations, time. Reads no weights.

Generation, training and the command line share it. All inputs are plain values and configs.
"""
