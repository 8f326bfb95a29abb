"""An OUTCAR and a vasprun.xml of two atoms, one ionic step each, with what is read of them."""

_VASPRUN = """<?xml version="1.0" encoding="ISO-8859-1"?>
<modeling>
 <kpoints><varray name="kpointlist"><v>0 0 0</v></varray><varray name="weights"><v>1</v></varray></kpoints>
 <atominfo><atoms>2</atoms><types>2</types>
  <array name="atoms"><set><rc><c>Si</c><c>1</c></rc><rc><c>Li</c><c>2</c></rc></set></array>
 </atominfo>
 <structure name="initialpos">{crystal}</structure>
 <calculation>
  <scstep><energy>
   <i name="e_fr_energy">-12.6</i><i name="e_wo_entrp">-12.4</i><i name="e_0_energy">-12.5</i></energy></scstep>
  <structure>{crystal}</structure>
  <varray name="forces"><v>0.1 0.2 0.3</v><v>-0.1 -0.2 -0.3</v></varray>
  <varray name="stress"><v>10 0 0</v><v>0 20 0</v><v>0 0 30</v></varray>
  <energy><i name="e_fr_energy">-12.6</i><i name="e_wo_entrp">-12.4</i><i name="e_0_energy">-12.5</i></energy>
 </calculation>
</modeling>
"""
_CRYSTAL = """<crystal><varray name="basis"><v>4 0 0</v><v>1 5 0</v><v>0 0 6</v></varray></crystal>
<varray name="positions"><v>0 0 0</v><v>0.5 0.5 0.5</v></varray>"""

OUTCAR = """\
 vasp.5.4.4
 POTCAR:    PAW_PBE Si 05Jan2001
 POTCAR:    PAW_PBE Li 17Jan2003
 POTCAR:    PAW_PBE Si 05Jan2001
 POTCAR:    PAW_PBE Li 17Jan2003
   ions per type =               1   1
   ISPIN  =      1    spin polarized calculation?
--------------------------------------- Iteration      1(   1)  ---------------------------------------
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
  free  energy   TOTEN  =       -12.60000000 eV

  energy  without entropy=      -12.40000000  energy(sigma->0) =      -12.50000000
"""

VASPRUN = _VASPRUN.format(crystal=_CRYSTAL)
