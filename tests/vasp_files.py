"""OUTCAR and vasprun.xml of two atoms, of any number of ionic steps, with what is read of them."""

HEADER = """\
 vasp.{version}
 POTCAR:    PAW_PBE Si_sv 05Jan2001
 POTCAR:    PAW_PBE Li 17Jan2003
 POTCAR:    PAW_PBE Si_sv 05Jan2001
   VRHFIN =Si: s2p2
 POTCAR:    PAW_PBE Li 17Jan2003
   VRHFIN =Li: s1p0
   ions per type =               1   1
   ISPIN  =      1    spin polarized calculation?
   NELM   =     {nelm};   NELMIN=  2; NELMDL= -5     # of ELM steps
   EDIFF  = 0.1E-03   stopping-criterion for ELM
"""
ITERATION = "--------------------------------------- Iteration      {}({:4d})  --------------------------------\n"
REACHED = "------------------------ aborting loop because EDIFF is reached ----------------------------------------\n"
NOT_REACHED = (
    "------------------------ aborting loop EDIFF was not reached (unconverged)  ----------------------------\n"
)
STEP = """\
  in kB      10.00000    20.00000    30.00000     6.00000     4.00000     5.00000
      direct lattice vectors                 reciprocal lattice vectors
     4.000000000  0.000000000  0.000000000     0.250000000  0.000000000  0.000000000
     1.000000000  5.000000000  0.000000000     0.000000000  0.200000000  0.000000000
     0.000000000  0.000000000  6.000000000     0.000000000  0.000000000  0.166666667
 POSITION                                       TOTAL-FORCE (eV/Angst)
 -----------------------------------------------------------------------------------
      0.00000      0.00000      0.00000         0.100000      0.200000      0.300000
      2.50000      2.50000      3.00000        -0.100000     -0.200000     -0.300000
 -----------------------------------------------------------------------------------
  FREE ENERGIE OF THE ION-ELECTRON SYSTEM (eV)
  ---------------------------------------------------
  free  energy   TOTEN  =       -{free:.8f} eV

  energy  without entropy=      -12.40000000  energy(sigma->0) =      -{cold:.8f}
"""
END = " General timing and accounting informations for this job:\n"


def outcar(
    iterations: tuple[int, ...] = (3,), nelm: int = 60, stated: str = REACHED, version: str = "5.4.4", end: str = END
) -> str:
    """An OUTCAR whose steps took so many electronic iterations; step k has the energies -12.6 - k and -12.5 - k eV."""
    text = HEADER.format(version=version, nelm=nelm)
    for k, count in enumerate(iterations):
        text += "".join(ITERATION.format(k + 1, n + 1) for n in range(count)) + stated + step(k)
    return text + end


def step(k: int = 0) -> str:
    """Forces and energies of ionic step k of an OUTCAR."""
    return STEP.format(free=12.6 + k, cold=12.5 + k)


def machine_step(k: int = 0) -> str:
    """The same, of a machine-learned force field."""
    text = step(k).replace("(eV/Angst)", "(eV/Angst) (ML)").replace("energy   TOTEN", "energy ML TOTEN")
    return text.replace("FREE ENERGIE", "ML FREE ENERGIE").replace("energy  without", "ML energy  without")


_CRYSTAL = """<crystal><varray name="basis"><v>4 0 0</v><v>1 5 0</v><v>0 0 6</v></varray></crystal>
<varray name="positions"><v>0 0 0</v><v>0.5 0.5 0.5</v></varray>"""
_ENERGY = """<energy>
   <i name="e_fr_energy">{free}</i><i name="e_wo_entrp">-12.4</i><i name="e_0_energy">{cold}</i></energy>"""
_XML_HEADER = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <incar>{incar}</incar>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <parameters><separator name="electronic"><i name="EDIFF">0.0001</i><i type="int" name="NELM">{nelm}</i></separator>
  <separator name="response functions"><i type="int" name="NELM">1</i></separator></parameters>
 <atominfo><atoms>2</atoms><types>2</types>
  <array name="atoms"><set><rc><c>Si</c><c>1</c></rc><rc><c>Li</c><c>2</c></rc></set></array>
 </atominfo>
 <structure name="initialpos">{crystal}</structure>
"""
_CALCULATION = """ <calculation>
  {scsteps}
  <structure>{crystal}</structure>
  <varray name="forces"><v>0.1 0.2 0.3</v><v>-0.1 -0.2 -0.3</v></varray>
  <varray name="stress"><v>10 6 5</v><v>6 20 4</v><v>5 4 30</v></varray>
  {energy}
 </calculation>
"""


def vasprun(iterations: tuple[int, ...] = (3,), nelm: int = 60, incar: str = "") -> str:
    """The vasprun.xml of the run of `outcar`."""
    text = _XML_HEADER.format(nelm=nelm, incar=incar, crystal=_CRYSTAL)
    for k, count in enumerate(iterations):
        energy = _ENERGY.format(free=-12.6 - k, cold=-12.5 - k)
        scsteps = f"<scstep>{energy}</scstep>" * count
        text += _CALCULATION.format(scsteps=scsteps, crystal=_CRYSTAL, energy=energy)
    return text + "</modeling>\n"


OUTCAR, VASPRUN = outcar(), vasprun()
