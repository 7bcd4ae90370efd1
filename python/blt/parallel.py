"""What the processes of map() run."""


def _map_worker(job):
    func, key, value = job
    return func(key, value)
