"""What the processes of map() run."""


def _map_worker(args):
    func, key, value = args
    return func(key, value)
