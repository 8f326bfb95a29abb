"""Job scripts as text, what is refused, and how Dask is loaded. Nothing is started here."""

import signal
import sys

import pytest

from hpcpot.errors import ConfigError, DependencyError, FarmError
from hpcpot.farm import clusters, dask_settings, jobqueue, worker
from hpcpot.farm import settings as farm_settings
from hpcpot.farm.item import Item
from hpcpot.farm.pool import WorkerPool, plan

pytest.importorskip("dask_jobqueue", reason="pip install 'hpcpot[farm]'")

HEADERS = {
    "slurm": ["#SBATCH -J hpcpot", "#SBATCH --cpus-per-task=16", "#SBATCH --mem=30G", "#SBATCH -t 02:00:00"],
    "pbs": ["#PBS -N hpcpot", "#PBS -l select=1:ncpus=16:mem=30GB", "#PBS -l walltime=02:00:00"],
    "sge": ["#$ -N hpcpot", "#$ -pe smp 16", "#$ -l h_rt=02:00:00", "#$ -cwd"],
    "lsf": ["#BSUB -J hpcpot", "#BSUB -n 16", "#BSUB -W 02:00"],
    "oar": ["#OAR -n hpcpot", "#OAR -l /nodes=1/core=16,walltime=02:00:00"],
    "htcondor": ["MY.DaskWorkerCores = 8", "MY.DaskWorkerMemory = 16000000000", "Executable = /bin/sh", "Queue"],
}


def jobs_file(tmp_path, text):
    path = tmp_path / "jobqueue.yaml"
    path.write_text(text)
    return path


@pytest.mark.parametrize("cluster", farm_settings.JOB_QUEUES)
def test_job_script(cluster):
    script = jobqueue.job_script(farm_settings.defaults(cluster=cluster, walltime="02:00:00"))
    lines = script.splitlines()
    assert [line for line in HEADERS[cluster] if line not in lines] == []
    processes = 8 if cluster == "htcondor" else 16
    start = next(line for line in lines if "distributed.cli.dask_worker" in line)
    assert f"--nworkers {processes} --nanny --death-timeout 120" in start and "tls://SCHEDULER:PORT" in start
    assert "--nthreads 1 --preload hpcpot.farm.worker --no-dashboard --dashboard-address 127.0.0.1:0" in start
    assert "--protocol tls:// --tls-ca-file /" in start and "CERTIFICATES/key.pem" in start
    assert "--lifetime 6480s --lifetime-stagger 360s" in start, "together below the 7200 s of the job"
    assert "--memory-limit 1.86GiB" in start and ("--local-directory /tmp" in start) == (cluster != "htcondor")
    assert sys.executable in start
    for name in ("OMP_NUM_THREADS=1", "NUMBA_NUM_THREADS=1", "DASK_DISTRIBUTED__WORKER__MEMORY__PAUSE=False"):
        assert f"export {name}" in script


def test_job_of_gpu_workers(tmp_path):
    path = jobs_file(
        tmp_path,
        """
jobqueue:
  slurm:
    cores: 16
    processes: 4
    memory: 64 GB
    walltime: "1-00:00:00"
    job-extra-directives: [--gres=gpu:4]
    job-script-prologue: [module load cuda]
""",
    )
    script = jobqueue.job_script(farm_settings.defaults(cluster="slurm", device="gpu", jobqueue=path))
    assert "#SBATCH --gres=gpu:4\n" in script and "#SBATCH -t 24:00:00\n" in script and "--nworkers 4 " in script
    assert "export HPCPOT_FARM_GPUS=4\nmodule load cuda\n" in script


@pytest.mark.parametrize(("name", "gpu"), [(0, "2"), (1, "5"), ("SLURMCluster-7-0", "2"), ("SLURMCluster-3", "5")])
def test_each_gpu_worker_has_its_gpu(name, gpu):
    assert worker.gpu_of(name, "2,5") == gpu


def test_plan_counts_tasks_and_jobs():
    text = plan(farm_settings.defaults(cluster="slurm", workers=40, chunk=20), 1000)
    for part in ("1000 items in 50 tasks of 20", "jobs: 3, each by this script", "#SBATCH -J hpcpot"):
        assert part in text
    assert "30 items in 1 task of 30" in plan(farm_settings.defaults(workers=1, chunk=200), 30)
    assert "30 items in 15 tasks of 2" in plan(farm_settings.defaults(workers=16, chunk=200), 30)
    text = plan(farm_settings.defaults(workers=2), 5000)
    assert text == "farm: local, 2 CPU workers\n5000 items in 5 to 5000 tasks: chunks of about 2 s, at most 1000"


@pytest.mark.parametrize(
    ("walltime", "lifetime", "stagger"), [("00:05:00", 180, 60), ("00:30:00", 1620, 90), ("24:00:00", 85200, 600)]
)
def test_workers_end_before_the_walltime(walltime, lifetime, stagger):
    assert jobqueue.lifetime(walltime, "") == ["--lifetime", f"{lifetime}s", "--lifetime-stagger", f"{stagger}s"]
    assert lifetime + stagger < farm_settings.seconds(walltime)


SLURM = "jobqueue:\n  slurm:\n    "


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("jobqueue:\n  pbs: {}\n", "has no section jobqueue: slurm: for farm.cluster; add one"),
        ("[1, 2]\n", "has no section jobqueue: slurm:"),
        ("a: [\n", "cannot be read"),
        (SLURM + "core: 4\n", "jobqueue.slurm.core = unknown key; did you mean cores?"),
        (SLURM + "memory: 1 GB\n", "jobqueue.slurm.cores = missing: is required"),
        (SLURM + "cores: 4\n", "jobqueue.slurm.memory = missing: is required"),
        (
            SLURM + 'cores: 4\n    memory: 1 GB\n    walltime: "00:02:00"\n',
            "jobqueue.slurm.walltime = 00:02:00: must be a duration HH:MM:SS of at least 00:05:00",
        ),
        (SLURM + "cores: 4\n    memory: 1 GB\n    walltime: 30\n", "jobqueue.slurm.walltime = 30: must be a duration"),
    ],
)
def test_wrong_jobs_file(text, message, tmp_path):
    with pytest.raises(ConfigError, match=message):
        jobqueue.job_options(farm_settings.defaults(cluster="slurm", jobqueue=jobs_file(tmp_path, text)))


def test_no_batch_system_here(monkeypatch):
    monkeypatch.setenv("PATH", "/nowhere")
    with pytest.raises(DependencyError, match="farm.cluster = lsf: bsub is not in PATH; run on a login node"):
        with WorkerPool(farm_settings.defaults(cluster="lsf")) as farm:
            farm._start()


def test_refused_jobs_are_an_error_not_a_wait(monkeypatch, tmp_path):
    sbatch = tmp_path / "sbatch"
    sbatch.write_text("#!/bin/sh\necho 'sbatch: error: invalid partition specified: fast' >&2\nexit 1\n")
    sbatch.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr("hpcpot.farm.pool.LOOK_SECONDS", 0.2)
    path = jobs_file(tmp_path, SLURM + "cores: 1\n    memory: 1 GB\n    interface: lo\n")
    settings = farm_settings.defaults(cluster="slurm", workers=2, jobqueue=path)
    with pytest.raises(FarmError, match="slurm: no job was accepted; mend .*jobqueue.yaml by (.|\n)*invalid partition"):
        with WorkerPool(settings) as farm:
            list(farm.run(dict, [Item("a", ())]))


@pytest.mark.parametrize("options", ["nonsense: 1", "host: 192.0.2.1"])
def test_options_of_the_scheduler_that_dask_refuses(options, monkeypatch, tmp_path):
    (tmp_path / "sbatch").write_text("#!/bin/sh\n")
    (tmp_path / "sbatch").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    text = SLURM + f"cores: 1\n    memory: 1 GB\n    scheduler-options: {{{options}}}\n"
    settings = farm_settings.defaults(cluster="slurm", jobqueue=jobs_file(tmp_path, text))
    with pytest.raises(ConfigError, match="jobqueue.yaml: jobqueue.slurm = refused by dask-jobqueue"):
        with WorkerPool(settings) as farm:
            list(farm.run(dict, [Item("a", ())]))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["jobqueue.yaml", "sbatch"]


def test_no_gpu_here(monkeypatch):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    with pytest.raises(ConfigError, match="farm.device = gpu: this machine has 0 GPUs"):
        clusters.workers(farm_settings.defaults(device="gpu"))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "0,3")
    assert clusters.workers(farm_settings.defaults(device="gpu")) == 2
    with pytest.raises(ConfigError, match="2 GPUs for 3 workers"):
        clusters.workers(farm_settings.defaults(device="gpu", workers=3))


def test_a_farm_under_mpirun_is_refused(monkeypatch):
    monkeypatch.setenv("OMPI_COMM_WORLD_SIZE", "4")
    with pytest.raises(ConfigError, match="farm = started on 4 ranks by mpirun: a farm starts its own workers"):
        WorkerPool(farm_settings.defaults())


def test_without_dask(monkeypatch):
    monkeypatch.setitem(sys.modules, "dask_jobqueue", None)
    message = r"farm = dask-jobqueue cannot be imported .*pip install 'hpcpot\[farm\]'"
    with pytest.raises(DependencyError, match=message):
        dask_settings.load("dask_jobqueue")


def test_loading_dask_leaves_the_handler_of_ctrl_c_alone(monkeypatch):
    for name in [name for name in sys.modules if name.startswith("dask_jobqueue")]:
        monkeypatch.delitem(sys.modules, name)
    before = signal.getsignal(signal.SIGINT)
    dask_settings.load("dask_jobqueue")
    assert signal.getsignal(signal.SIGINT) is before
