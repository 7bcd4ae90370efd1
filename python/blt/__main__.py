"""python -m blt: look at a store, and change it, from the shell

The command `blt` that comes with the library does more, and faster; this one
reads the values that only Python can, pickles among them.
"""

import argparse
import ast
import contextlib
import datetime
import json
import sys

import blt

_NUMBERS = ("uint", "int")


def _serializer_name(cls):
    for name, known in blt.serializers.serial_dict.items():
        if known is cls:
            return "bytes" if name is None else name
    return "custom"


def _key_from(store, text):
    """The key that the user typed, as the file's key type wants it."""
    name = _serializer_name(store._key_serializer)
    if name == "str":
        return text
    if name == "bytes":
        return text.encode()
    if name.startswith(_NUMBERS):
        return int(text)
    return _literal(text)


def _value_from(store, text):
    name = _serializer_name(store._value_serializer)
    if name in ("str",):
        return text
    if name in ("bytes", "zstd"):
        return text.encode()
    if "json" in name or "msgpack" in name:
        return json.loads(text)
    if name.startswith(_NUMBERS):
        return int(text)
    return _literal(text)


def _literal(text):
    try:
        return ast.literal_eval(text)
    except (ValueError, SyntaxError):
        return text


def _show(value):
    """One line: text as it is, JSON where it is JSON, else as Python has it."""
    if isinstance(value, str):
        return value
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return repr(value)
    try:
        return json.dumps(value, ensure_ascii=False)
    except (TypeError, ValueError):
        return repr(value)


def _time(microseconds):
    zone = datetime.timezone.utc
    when = datetime.datetime.fromtimestamp(microseconds / 1e6, zone)
    return when.isoformat(timespec="microseconds")


class _OutputError(Exception):
    """The standard output takes no more; the store is not to blame."""


def _to_output(work):
    if sys.stdout is None:
        raise _OutputError("it is closed")
    try:
        work(sys.stdout)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise _OutputError(error.strerror) from None


def _print(*words, sep=" "):
    _to_output(lambda out: print(*words, sep=sep, file=out))


def _write(data):
    _to_output(lambda out: out.buffer.write(data))


def _say_missing(text):
    print(f"{text}: there is no such key", file=sys.stderr)
    return 1


def _get(args):
    missing = 0
    with blt.open_any(args.file) as b:
        for text in args.key:
            key = _key_from(b, text)
            value = b.get(key, b)
            if value is b:
                missing = _say_missing(text)
            elif args.raw:
                _write(bytes(b.get_view(key)))
            else:
                _print(_show(value))
    return missing


def _has(args):
    with blt.open_any(args.file) as b:
        return 0 if all(_key_from(b, k) in b for k in args.key) else 1


def _put(args):
    with blt.open_any(args.file, "w") as b:
        b[_key_from(b, args.key)] = _value_from(b, args.value)
    return 0


def _del(args):
    with blt.open_any(args.file, "w") as b:
        missing = 0
        for text, key in [(text, _key_from(b, text)) for text in args.key]:
            if not b.del_many([key]):
                missing = _say_missing(text)
    return missing


def _list(args):
    with blt.open_any(args.file) as b:
        if args.times:
            for key, stamp in b.timestamps():
                _print(_show(key), _time(stamp), sep="\t")
        elif args.values:
            for key, value in b.items():
                _print(_show(key), _show(value), sep="\t")
        else:
            for key in b:
                _print(_show(key))
    return 0


def _meta(args):
    if args.json is None:
        with blt.open_any(args.file) as b:
            found = b.get_metadata()
        _print(json.dumps(found, indent=2, ensure_ascii=False))
        return 0
    with blt.open_any(args.file, "w") as b:
        b.set_metadata(json.loads(args.json))
    return 0


def _inspect(args):
    with blt.open_any(args.file) as b:
        stats = vars(b.stats())
        _print(f"{'kind':16}{type(b).__name__}")
        _print(f"{'keys':16}{_serializer_name(b._key_serializer)}")
        _print(f"{'values':16}{_serializer_name(b._value_serializer)}")
        _print(f"{'uuid':16}{b.uuid}")
        _print(f"{'buckets':16}{b._n_buckets}")
        _print(f"{'timestamp':16}{_time(b._file_timestamp)}")
        for name, number in stats.items():
            _print(f"{name:16}{number}")
    return 0


def _verify(args):
    found = blt.verify(args.file, args.max_faults)
    for fault in found.faults:
        _print(f"{fault.kind} at {fault.offset}: {fault.message}")
    _print(f"{found.n_live} live, {found.n_dead} dead, "
           f"{found.n_faults} faults")
    return 0 if found else 1


def _repair(args):
    for name, number in blt.repair(
        args.file, args.output, dry_run=args.dry_run
    ).items():
        _print(f"{name:16}{number}")
    return 0


def _prune(args):
    with blt.open_any(args.file, "w") as b:
        if args.older_than is None:
            _print(b.prune())
        elif not b._has_times:
            raise ValueError("there are no timestamps in it to go by")
        else:
            _print(b.prune(args.older_than))
    return 0


def _parser():
    parser = argparse.ArgumentParser(prog="python -m blt", description=__doc__)
    parser.add_argument(
        "--version", action="version",
        version=f"{blt.__version__}, library {blt._core.library_version}",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    def command(run, help, *arguments):
        sub = commands.add_parser(run.__name__[1:], help=help)
        sub.set_defaults(run=run)
        sub.add_argument("file")
        for names, options in arguments:
            sub.add_argument(*names, **options)

    def option(*names, **options):
        return names, options

    keys = option("key", nargs="+")
    command(_get, "print values", keys, option("--raw", action="store_true"))
    command(_has, "exit status 0 when all keys are there", keys)
    command(_put, "store a value", option("key"), option("value"))
    command(_del, "delete keys", keys)
    command(
        _list, "print all keys", option("--values", action="store_true"),
        option("--times", action="store_true"),
    )
    command(_meta, "print the metadata, or set it", option("json", nargs="?"))
    command(_inspect, "what the file is and holds")
    command(
        _verify, "read everything and judge it",
        option("--max-faults", type=int, default=100),
    )
    command(
        _repair, "rebuild a damaged file", option("--output"),
        option("--dry-run", action="store_true"),
    )
    command(
        _prune, "rewrite the file without what is dead",
        option("--older-than", help="also without values older than this time"),
    )
    return parser


def _sentence(file, error):
    """With the name of the file, which the library has said already."""
    text = str(error)
    return text if f"{file}: " in text else f"{file}: {text}"


def _give_output_up():
    """What is left of it would be tried again at the end of the process."""
    if sys.stdout is not None:
        with contextlib.suppress(OSError):
            sys.stdout.close()


def main(arguments=None):
    args = _parser().parse_args(arguments)
    try:
        status = args.run(args)
        if sys.stdout is not None:
            _to_output(lambda out: out.flush())
        return status
    except BrokenPipeError:
        _give_output_up()
        return 1
    except _OutputError as error:
        _give_output_up()
        print(f"cannot write to the standard output: {error}", file=sys.stderr)
        return 2
    except (blt.Error, OSError, ValueError, TypeError) as error:
        print(_sentence(args.file, error), file=sys.stderr)
        return 2


if __name__ == "__main__":
    sys.exit(main())
