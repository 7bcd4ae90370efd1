"""symbols.py - what the compiled library defines, exports and calls

Read with nm from libblt.a and libblt.so. Meson names the object of
src/os/file_posix.c os_file_posix.c.o: its folder is the first word.
"""

import re
import subprocess

from tree import read, without_comments

SYSTEM_CALLS = set(
    """
    open openat creat close read write readv writev pread pwrite preadv
    pwritev lseek truncate ftruncate fallocate posix_fallocate copy_file_range
    sync syncfs fsync fdatasync sync_file_range flock lockf fcntl ioctl dup
    dup2 dup3 stat lstat fstat fstatat statx statfs fstatfs access faccessat
    mmap munmap mremap mprotect msync madvise posix_madvise posix_fadvise
    mincore mlock unlink unlinkat remove rename renameat renameat2 link linkat
    symlink symlinkat readlink realpath mkdir mkdirat rmdir mkstemp opendir
    readdir fopen fdopen fread fwrite fgets fclose getline fork vfork kill
    raise signal sigaction sigprocmask syscall sleep usleep nanosleep
    clock_nanosleep poll select
    """.split()
)

# The library prints nothing and never ends the program.
LOUD = set(
    """
    printf vprintf fprintf vfprintf dprintf puts putchar fputs fputc perror
    psignal err errx warn warnx stdout stderr exit _exit _Exit quick_exit
    abort
    """.split()
)

DECLARED = re.compile(r"\bBLT_API\b[^;{]*?\b(blt_\w+)\s*\(", re.DOTALL)


def nm(*arguments):
    return subprocess.run(
        ["nm", *arguments], check=True, capture_output=True, text=True
    ).stdout.splitlines()


def plain(symbol):
    """A call as the source has it: pread for __pread64_chk@GLIBC_2.4."""
    name = symbol.split("@")[0]
    match = re.fullmatch(r"(?:__)?(\w+?)(?:64)?(?:_2|_chk)?", name)
    return match.group(1) if match.group(1) in SYSTEM_CALLS | LOUD else name


def folder_of(member):
    """The folder in src/ that an object of the archive was made from."""
    return member.rpartition("/")[2].split("_")[0]


def calls(archive):
    """Pairs of the object and the name that it takes from elsewhere."""
    for line in nm("-A", "-u", str(archive)):
        place, _, symbol = line.rpartition(" U ")
        if symbol:
            yield place.strip().rstrip(":").split(":")[-1], plain(symbol)


def system_calls_elsewhere(archive):
    for member, name in calls(archive):
        if name in SYSTEM_CALLS and folder_of(member) != "os":
            yield f"{member} calls {name}: system calls live in src/os"


def loud_calls(archive):
    for member, name in calls(archive):
        if name in LOUD:
            yield f"{member} calls {name}"


def globals_without_prefix(archive):
    for line in nm("-A", "-g", "--defined-only", str(archive)):
        symbol = line.split()[-1]
        if not re.match(r"blt__|blt_[a-z]", symbol):
            yield f"{line.split(':')[1]} defines {symbol}"


def exported(library):
    for line in nm("-D", "--defined-only", str(library)):
        kind, symbol = line.split()[-2:]
        if kind != "A":  # the name of the version itself
            yield symbol.split("@")[0]


def declared(header):
    text = without_comments(read(header))
    text = re.sub(r"^\s*#(?:.*\\\n)*.*$", "", text, flags=re.MULTILINE)
    return set(DECLARED.findall(text))
