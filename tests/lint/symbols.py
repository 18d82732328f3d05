"""What pure libraries may not link: clocks, input and output, chance, libvirt."""
import re
import subprocess

DENIED = [
    # files and other doors to the outside
    r"f?open(at|64|at64)?|fdopen|freopen|f?close|p?read(v|64)?|p?write(v|64)?|f?stat(at|x|64)?|"
    r"lstat(64)?|readlink(at)?|unlink(at)?|rename(at2?)?|mkdir(at)?|(open|read|close)dir|mmap|ioctl|"
    r"fcntl|poll|select|epoll_.*|pipe2?|dup[23]?|syscall",
    r"f?puts|putchar|putc|fputc|v?f?printf|v?dprintf|f?scanf|fread|fwrite|fgets|getline|getdelim|"
    r"perror|stdin|stdout|stderr",
    r"socket|connect|bind|listen|accept4?|send(to|msg)?|recv(from|msg)?",
    r"fork|vfork|exec.*|posix_spawnp?|system|popen|kill|getpid|gettid|getppid|get(env|auxval)|setenv",
    r"g_(file|io|spawn|subprocess|socket|mapped_file|dir)_.*|g_f?open|g_(un)?link|g_remove|g_stat",
    r"g_print(err)?|g_(get|set)env|g_get_(host|user|home|current)_.*",
    r"json_(parser_load_from_(file|stream|mapped).*|generator_to_(file|stream).*)",
    # clocks
    r"clock.*|gettimeofday|time|times|localtime(_r)?|gmtime(_r)?|nanosleep|u?sleep|alarm|timer_.*",
    r"g_get_(monotonic|real|current)_time|g_date_time_new_now.*|g_usleep|g_timer_.*|g_timeout_.*",
    # chance
    r"s?rand(_r)?|s?random(_r)?|[dlmnje]rand48|arc4random.*|getrandom|getentropy",
    r"g_random_.*|g_rand_new|g_uuid_string_random",
    # others' worlds
    r"vir[A-Z].*|gvir.*|xml[A-Z].*|numa_.*|move_pages|migrate_pages|mbind|sched_.*|pthread_create|"
    r"g_thread_.*|g_main_.*",
]
DENIED_SYMBOL = re.compile("^(" + "|".join(DENIED) + ")$")


def plain(symbol):
    """The function behind the C library's checked or versioned spelling of it."""
    symbol = symbol.split("@")[0]
    fortified = re.match(r"^__(\w+)_chk$", symbol) or re.match(r"^__isoc\d+_(\w+)$", symbol)
    return fortified.group(1) if fortified else symbol


def undefined(library):
    """Object file and name of each symbol that the library needs from elsewhere."""
    run = subprocess.run(["nm", "--undefined-only", "--format=posix", "--print-file-name", library],
                         capture_output=True, text=True, check=True)
    for line in run.stdout.splitlines():
        match = re.match(r"^(?:.*\[)?(.*?)\]?: (\S+) [UvwVW]", line)
        if match:
            yield match.group(1).split("/")[-1], match.group(2)


def check_symbols(libraries):
    """Every symbol that pure libraries need."""
    problems = []
    for library in libraries:
        needed = list(undefined(library))
        if not needed:
            problems.append(f"{library}: nm shows no symbols")
        problems += [f"{file} links {symbol}" for file, symbol in needed
                     if DENIED_SYMBOL.match(plain(symbol))]
    return problems
