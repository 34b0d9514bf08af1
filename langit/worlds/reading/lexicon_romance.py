"""Small lexicons of Spanish, Portuguese, French and Italian: enough to name a thing, what it does, and where.

Rows and kinds are those of `lexicon.py`. Accents and case do not matter.
"""

from __future__ import annotations

ROMANCE: dict[str, dict[str, dict[str, str]]] = {
    "es": {
        "shape": {
            "ball": "pelota[/s], bola[/s], esfera[/s], balón, balones",
            "cube": "cubo[/s], caja[/s], bloque[/s], dado[/s]",
            "cone": "cono[/s]",
            "cylinder": "cilindro[/s], tubo[/s], columna[/s]",
            "ring": "anillo[/s], aro[/s], argolla[/s]",
        },
        "colour": {
            "red": "roj[o/a/os/as]",
            "orange": "naranja[/s], anaranjad[o/a/os/as]",
            "yellow": "amarill[o/a/os/as]",
            "green": "verde[/s]",
            "blue": "azul[/es]",
            "purple": "morad[o/a/os/as], púrpura[/s], violeta[/s], lila[/s]",
            "white": "blanc[o/a/os/as]",
        },
        "ground": {
            "checkers": "ajedrez, tablero, tablero de ajedrez, suelo a cuadros, cuadros, baldosas",
            "snow": "nieve, nevad[o/a]",
            "sand": "arena, playa, desierto, duna[/s]",
            "grass": "hierba, césped, pasto, prado",
        },
        "sky": {
            "day": "día, mediodía, mañana, soleado, cielo azul, pleno día, luz del día, de día, durante el día",
            "sunset": "atardecer, ocaso, anochecer, puesta de sol, puesta del sol, crepúsculo",
            "night": "noche, medianoche, luna, luz de la luna, oscuridad, de noche, cielo nocturno",
        },
        "action": {
            "falls": "cae, caen, cayendo, caer, rebota[/n/r/ndo], botando, bota",
            "moves": "rueda[/n], rodando, rodar, se mueve, moviéndose, mueve, se desliza, desliza, deslizándose,"
            " va, pasa,"
            " viene, avanza",
            "spins": "gira[/n/r/ndo], da vueltas, rota[/n/ndo]",
            "jumps": "salta[/n/r/ndo], brinca[/n/ndo]",
            "collides": "choca[/n/ndo], golpea[/n/ndo], empuja[/ndo], colisiona[/n]",
            "collided": "golpead[o/a] por, empujad[o/a] por",
            "still": "quiet[o/a], inmóvil, no se mueve, parad[o/a], sin moverse, en reposo",
        },
        "camera": {"static": "cámara fija, cámara estática", "zoom": "zoom"},
        "lens": {"": "cámara"},
        "near": {
            "zoom in/": "se acerca, acercándose, acerca",
            "zoom out/": "se aleja, alejándose, aleja",
            "orbit/moves": "orbita, rodea, gira alrededor",
        },
        "way": {"left": "izquierda", "right": "derecha"},
        "from": {"left": "[de/de la/desde la/desde] izquierda", "right": "[de/de la/desde la/desde] derecha"},
        "at": {"left": "a la izquierda de[/l]", "right": "a la derecha de[/l]"},
        "and": {"": "y, e, mientras, entonces"},
        "not": {"": "no, sin, nunca, ni, jamás, excepto, salvo, ningún, ninguna, en vez de, en lugar de"},
        "or": {"": "o"},
        "more": {"": "otr[o/a]"},
        "joint": {"": "de color, color, que es"},
        "word": {
            "": "un, una, unos, unas, el, la, los, las, en, de, del, a, al, sobre, con, por, hacia, se, está,"
            " es, junto a, al"
            " lado de, lado, cerca de, su, la luz, vídeo, película, bajo, durante, suelo, que, hacia la, cielo,"
            " muy, sol"
        },
    },
    "pt": {
        "shape": {
            "ball": "bola[/s], esfera[/s]",
            "cube": "cubo[/s], caixa[/s], bloco[/s], dado[/s]",
            "cone": "cone[/s]",
            "cylinder": "cilindro[/s], tubo[/s], coluna[/s]",
            "ring": "anel, anéis, argola[/s], aro[/s]",
        },
        "colour": {
            "red": "vermelh[o/a/os/as], encarnad[o/a]",
            "orange": "laranja[/s], alaranjad[o/a]",
            "yellow": "amarel[o/a/os/as]",
            "green": "verde[/s]",
            "blue": "azul, azuis",
            "purple": "rox[o/a/os/as], violeta[/s], lilás",
            "white": "branc[o/a/os/as]",
        },
        "ground": {
            "checkers": "xadrez, tabuleiro, tabuleiro de xadrez, piso xadrez, azulejos, chão quadriculado",
            "snow": "neve, nevado",
            "sand": "areia, praia, deserto, duna[/s]",
            "grass": "grama, relva, gramado, capim, prado",
        },
        "sky": {
            "day": "dia, meio dia, manhã, ensolarado, céu azul, durante o dia, luz do dia, de dia",
            "sunset": "pôr do sol, entardecer, crepúsculo, anoitecer, ocaso",
            "night": "noite, meia noite, lua, luar, escuridão, de noite, à noite",
        },
        "action": {
            "falls": "cai, caem, caindo, cair, quica[/ndo], quicando, rebate, ressalta",
            "moves": "rola[/m/r/ndo], move, se move, desliza[/ndo], vai, passa, vem, movendo",
            "spins": "gira[/m/r/ndo], roda[/m/ndo], rodopia[/ndo]",
            "jumps": "salta[/m/r/ndo], pula[/m/r/ndo]",
            "collides": "colide, bate, batendo, choca[/ndo], empurra[/ndo], atinge",
            "collided": "atingid[o/a] por, empurrad[o/a] por",
            "still": "parad[o/a], imóvel, não se move, quiet[o/a]",
        },
        "camera": {"static": "câmera fixa, câmara fixa, câmera parada", "zoom": "zoom"},
        "lens": {"": "câmera, câmara"},
        "near": {
            "zoom in/": "se aproxima, aproxima, aproximando",
            "zoom out/": "se afasta, afasta, afastando",
            "orbit/moves": "orbita, circula, gira em torno",
        },
        "way": {"left": "esquerda", "right": "direita"},
        "from": {"left": "da esquerda", "right": "da direita"},
        "at": {"left": "à esquerda d[e/o/a]", "right": "à direita d[e/o/a]"},
        "and": {"": "e, enquanto"},
        "not": {"": "não, sem, nunca, nem, jamais, exceto, salvo, nenhum, nenhuma, em vez de"},
        "or": {"": "ou"},
        "more": {"": "outr[o/a]"},
        "joint": {"": "de cor, cor, que é"},
        "word": {
            "": "um, uma, uns, umas, o, a, os, as, em, no, na, nos, nas, de, do, da, ao, à, sobre, com, por,"
            " para, está, é, ao"
            " lado de, lado, perto de, num, numa, seu, sua, vídeo, filme, sob, durante, chão, que, se, céu, sol, pela"
        },
    },
    "fr": {
        "shape": {
            "ball": "balle[/s], boule[/s], sphère[/s], ballon[/s], bille[/s]",
            "cube": "cube[/s], boîte[/s], bloc[/s], dé[/s]",
            "cone": "cône[/s]",
            "cylinder": "cylindre[/s], tube[/s], colonne[/s]",
            "ring": "anneau[/x], cerceau[/x], bague[/s]",
        },
        "colour": {
            "red": "rouge[/s]",
            "orange": "orange[/s], orangé[/e/s]",
            "yellow": "jaune[/s]",
            "green": "vert[/e/s/es]",
            "blue": "bleu[/e/s/es]",
            "purple": "violet[/te/s/tes], mauve[/s], pourpre[/s]",
            "white": "blanc[/he/s/hes]",
        },
        "ground": {
            "checkers": "damier, échiquier, carrelage, carreaux, sol à damier, sol en damier",
            "snow": "neige, enneigé[/e]",
            "sand": "sable, plage, désert, dune[/s]",
            "grass": "herbe, gazon, pelouse, pré, prairie",
        },
        "sky": {
            "day": "jour, journée, midi, matin, ensoleillé[/e], ciel bleu, plein jour, de jour, en plein jour",
            "sunset": "coucher de soleil, coucher du soleil, crépuscule, soir, soleil couchant, soirée",
            "night": "nuit, minuit, lune, clair de lune, la nuit, de nuit, obscurité, ciel étoilé",
        },
        "action": {
            "falls": "tombe[/nt/r], tombant, chute, rebondi[t/ssant/r], rebondissent",
            "moves": "roule[/nt/r], roulant, bouge, glisse[/nt/r], glissant, se déplace, avance, va, vient, passe",
            "spins": "tourne[/nt/r], tournant, pivote, tournoie, tourne sur elle même, tourne sur lui même",
            "jumps": "saute[/nt/r], sautant, bondit, sautille",
            "collides": "heurte, percute, frappe, pousse, cogne, entre en collision",
            "collided": "heurté[/e] par, percuté[/e] par, frappé[/e] par, poussé[/e] par",
            "still": "immobile[/s], ne bouge pas, sans bouger, au repos",
        },
        "camera": {
            "static": "caméra fixe, plan fixe, caméra immobile",
            "zoom in": "zoom avant",
            "zoom out": "zoom arrière",
        }
        | {"zoom": "zoom, zoome", "pan": "panoramique"},
        "lens": {"": "caméra"},
        "near": {
            "zoom in/": "s'approche, se rapproche",
            "zoom out/": "s'éloigne, recule",
            "orbit/moves": "orbite, tourne autour",
        },
        "way": {"left": "gauche", "right": "droite"},
        "from": {"left": "de [/la ]gauche, depuis la gauche", "right": "de [/la ]droite, depuis la droite"},
        "at": {"left": "à gauche d[e/u/'], à sa gauche", "right": "à droite d[e/u/'], à sa droite"},
        "and": {"": "et, pendant que, tandis que, alors que, puis"},
        "not": {
            "": "ne, n', sans, non, pas de, pas d', aucun, aucune, sauf, au lieu de, plutôt que",
            "second": "pas, jamais",
        },
        "or": {"": "ou, ni"},
        "more": {"": "autre"},
        "joint": {"": "de couleur, couleur, qui est"},
        "word": {
            "": "un, une, des, le, la, les, l', d', s', du, de, dans, sur, à, au, aux, en, avec, vers, par, est,"
            " à côté de, côté,"
            " près de, sous, pendant, sol, qui, se, vidéo, film, ciel, et la, soleil, son, sa, il, elle, très,"
            " dans la, même"
        },
    },
    "it": {
        "shape": {
            "ball": "pall[a/e], sfer[a/e], pallone",
            "cube": "cub[o/i], scatola, blocco",
            "cone": "con[o/i]",
            "cylinder": "cilindr[o/i], tubo, colonna",
            "ring": "anell[o/i], cerchio",
        },
        "colour": {
            "red": "ross[o/a/i/e]",
            "orange": "arancion[e/i], arancio",
            "yellow": "giall[o/a/i/e]",
            "green": "verd[e/i]",
            "blue": "blu, azzurr[o/a/i/e]",
            "purple": "viola",
            "white": "bianc[o/a/hi/he]",
        },
        "ground": {
            "checkers": "scacchiera, pavimento a scacchi, scacchi, piastrelle",
            "snow": "neve, innevato",
            "sand": "sabbia, spiaggia, deserto",
            "grass": "erba, prato",
        },
        "sky": {
            "day": "giorno, mezzogiorno, mattina, soleggiato, cielo azzurro, cielo blu",
            "sunset": "tramonto, crepuscolo, sera",
            "night": "notte, mezzanotte, luna, chiaro di luna",
        },
        "action": {
            "falls": "cade, cadono, cadendo, rimbalza[/no/ndo]",
            "moves": "rotola[/no/ndo], si muove, scivola[/ndo], va, passa",
            "spins": "gira[/no/ndo], ruota[/no/ndo]",
            "jumps": "salta[/no/ndo], saltella",
            "collides": "colpisce, urta, spinge, sbatte",
            "still": "ferm[o/a], immobile, non si muove",
        },
        "camera": {"static": "telecamera fissa, camera fissa", "zoom": "zoom"},
        "lens": {"": "telecamera"},
        "way": {"left": "sinistra", "right": "destra"},
        "from": {"left": "da sinistra", "right": "da destra"},
        "and": {"": "e, ed, mentre"},
        "not": {"": "non, senza, mai, tranne, eccetto, nessun, nessuna, né, invece di"},
        "or": {"": "o, oppure"},
        "word": {
            "": "un, uno, una, il, lo, la, i, gli, le, l', in, nel, nella, nell', sul, sulla, sull', su, di,"
            " del, della, a, al,"
            " alla, con, verso, da, si, è, accanto a, vicino a, sotto, di notte, video, che"
        },
    },
}
