"""
theirs.py - booklet, asked by test_kills through a pipe

A request is a line "FIXED N_KEYS N_PUTS PATH" and so many puts: place, length
and timestamp, then the value. booklet opens the file for writing, gets every
key, puts, closes. The answer is a letter: R and why, when it refuses the file;
X and why, when something failed after it did not; O and the values, each with
its length in front (2^32 - 1: no such key). Texts have their length in front.
"""
import signal
import struct
import sys

NO_KEY = 2**32 - 1
SECONDS = 20            # for booklet walks in a circle for ever


def key_of(place):
    return b"key-%03d" % place


def on_alarm(number, frame):
    raise TimeoutError("booklet does not come back")


def read_puts(source, n_puts):
    for _ in range(n_puts):
        place, length, timestamp = struct.unpack("<iIQ", source.read(16))
        yield key_of(place), source.read(length), timestamp


def use(store, n_keys, puts):
    values = [store.get(key_of(place)) for place in range(n_keys)]
    for key, value, timestamp in puts:
        if timestamp:
            store.set(key, value, timestamp=timestamp)
        else:
            store.set(key, value)
    store.close()
    return values


def text_of(error):
    text = repr(error).encode()[:1000]
    return struct.pack("<I", len(text)) + text


def answer(booklet, path, is_fixed, n_keys, puts):
    make = booklet.FixedLengthValue if is_fixed else booklet.VariableLengthValue
    signal.alarm(SECONDS)
    try:
        store = make(path, "w")
        # It leaves gaps in a file when it reindexes one whose index was moved
        # and is small (docs/format.md, section 11). That is not the question.
        store._defer_reindex = True
    except Exception as error:
        return b"R" + text_of(error)
    finally:
        signal.alarm(0)
    signal.alarm(SECONDS)
    try:
        values = use(store, n_keys, puts)
    except Exception as error:
        return b"X" + text_of(error)
    finally:
        signal.alarm(0)
    return b"O" + b"".join(
        struct.pack("<I", NO_KEY) if value is None
        else struct.pack("<I", len(value)) + value for value in values)


def main():
    source, sink = sys.stdin.buffer, sys.stdout.buffer
    try:
        import booklet
    except ImportError:
        return
    signal.signal(signal.SIGALRM, on_alarm)
    sink.write(b"+")
    sink.flush()
    while line := source.readline():
        is_fixed, n_keys, n_puts, path = line.rstrip(b"\n").split(b" ", 3)
        puts = list(read_puts(source, int(n_puts)))
        sink.write(answer(booklet, path.decode(), int(is_fixed), int(n_keys),
                          puts))
        sink.flush()


if __name__ == "__main__":
    main()
