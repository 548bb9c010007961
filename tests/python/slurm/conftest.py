"""A Slurm of one node that lives as long as these tests: daemons, loopback ports, key, folder of its own."""

import contextlib
import os
import shutil
import socket
import subprocess
import sysconfig
import tempfile
import time
from pathlib import Path

import pytest

PROGRAMS = ("munged", "slurmctld", "slurmd", "sbatch", "setpriv")
CONFIGURATION = """
ClusterName=ionlink
SlurmctldHost={host}(127.0.0.1)
SlurmctldPort={ports[0]}
SlurmdPort={ports[1]}
CommunicationParameters=NoCtldInAddrAny,NoInAddrAny
SlurmUser=root
SlurmdUser=root
AuthType=auth/munge
CredType=cred/munge
AuthInfo=socket={folder}/munge.socket
StateSaveLocation={folder}/state
SlurmdSpoolDir={folder}/spool
SlurmctldPidFile={folder}/slurmctld.pid
SlurmdPidFile={folder}/slurmd.pid
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
AccountingStorageType=accounting_storage/none
MpiDefault=none
KillWait=2
SchedulerParameters=batch_sched_delay=0,sched_interval=1,sched_min_interval=0
SelectType=select/cons_tres
SelectTypeParameters=CR_CPU
SlurmdParameters=config_overrides
NodeName={host} NodeAddr=127.0.0.1 CPUs=2 RealMemory=4096 State=UNKNOWN
PartitionName=all Nodes=ALL Default=YES MaxTime=5 State=UP
"""


def obstacle():
    """Why no Slurm can run here, if so."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    if missing:
        return f"no {', '.join(missing)} (Debian and Ubuntu: apt install munge slurmctld slurmd slurm-client)"
    return "slurmd runs jobs as their users, and starts for root only" if os.geteuid() else None


def awaited(condition):
    """Whether a condition becomes true in time."""
    end = time.monotonic() + 20
    while not condition():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def printed(*command):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=60).stdout.strip()


def answers(port):
    with socket.socket() as client:
        return client.connect_ex(("127.0.0.1", port)) == 0


def free_ports():
    with socket.create_server(("127.0.0.1", 0)) as one, socket.create_server(("127.0.0.1", 0)) as other:
        return one.getsockname()[1], other.getsockname()[1]


@contextlib.contextmanager
def daemon(folder, name, *arguments):
    """A daemon in the foreground that ends with the block, or by the kernel if this process is killed."""
    command = ("setpriv", "--pdeathsig", "TERM", name, *arguments)
    with (folder / f"{name}.log").open("w") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, start_new_session=True)
    try:
        yield
    finally:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(10)
        process.kill()
        process.wait()


@contextlib.contextmanager
def daemons(folder, ports):
    """All three; whether their node takes jobs."""
    files = {"key-file": "key", "pid-file": "munged.pid", "seed-file": "seed", "socket": "munge.socket"}
    munge = [f"--{option}={folder / name}" for option, name in files.items()]
    with contextlib.ExitStack() as stack:
        stack.enter_context(daemon(folder, "munged", "--foreground", *munge))
        ready = awaited((folder / "munge.socket").exists)
        stack.enter_context(daemon(folder, "slurmctld", "-D"))
        ready = ready and awaited(lambda: answers(ports[0]))
        stack.enter_context(daemon(folder, "slurmd", "-D"))
        try:
            yield ready and awaited(lambda: printed("sinfo", "--noheader", "--format", "%T") == "idle")
        finally:
            if ready:  # jobs would outlive slurmd
                printed("scancel", "--user", "root")
                awaited(lambda: not printed("squeue", "--noheader"))


@pytest.fixture(scope="module")
def slurm():
    """While it lasts, Slurm's commands and whoever calls them reach this Slurm, and no other."""
    # pytest's own folders are closed to other users, which munged refuses
    with tempfile.TemporaryDirectory(prefix="ionlink-slurm-") as name, pytest.MonkeyPatch.context() as patch:
        for variable in [*os.environ]:
            if variable.startswith(("SLURM", "SBATCH", "SQUEUE", "SCANCEL", "SINFO")):
                patch.delenv(variable)
        scripts = sysconfig.get_path("scripts")  # where `ionlink` is
        patch.setenv("PATH", os.pathsep.join([scripts, os.environ["PATH"], "/usr/sbin"]))
        if (reason := obstacle()) is not None:
            pytest.skip(reason)
        folder, host, ports = Path(name), socket.gethostname().split(".")[0], free_ports()
        patch.setenv("SLURM_CONF", str(folder / "slurm.conf"))
        (folder / "slurm.conf").write_text(CONFIGURATION.format(folder=folder, host=host, ports=ports))
        (folder / "key").write_bytes(os.urandom(1024))
        (folder / "key").chmod(0o400)
        folder.chmod(0o711)
        with daemons(folder, ports) as ready:
            if not ready:
                words = [line for log in folder.glob("*.log") for line in log.read_text().splitlines()[-3:]]
                pytest.skip(f"Slurm does not start on this machine: {'; '.join(words)}")
            yield
