"""Words that say nothing by themselves, in five languages, as data: without accents, in lower case.

Words that turn a meaning around (not, nie, nicht, pas, no, without, only) are none of them.
"""

from __future__ import annotations

STOP_WORDS: dict[str, str] = {
    "english": (
        "a about after again all also am an and any are as at be because been before being but by can could did do "
        "does doing down during each even for from further get got had has have having he her here hers him his "
        "how i i'd i'll i'm i've if in into is it it's its itself just let's may me might more most much must my "
        "myself of off on once one or other our ours out over own per quite rather s same shall she should so some "
        "still such t than that that's the their theirs them then there there's these they they're this those "
        "through to under until up upon us was we we'd we'll we're we've were what when where which while who whom "
        "whose why will with would you you're you've your yours"
    ),
    "polish": (
        "a aby ach albo ale az bardziej bardzo bez bo byc byl byla byli bylo byly bym bywa ci cie ciebie co cos "
        "czy czyli dla do gdy gdyz gdzie go i ich ile im inne inny ja jak jaka jakie jako jakos je jeden jedna "
        "jednak jedno jego jej jemu jesli jest jestem jeszcze juz kazdy kiedy kilka kto ktora ktore ktorego ktorej "
        "ktory ktorych ktorym ktorzy ku lecz lub ma maja mam mi mial miala mialem miec mimo mna mnie moga moge moj "
        "moja moje moze mu my na nad nam nami nas nasz nasza nasze natomiast nia nich niej nim niz no o od on ona "
        "one oni ono oraz pan pani po pod podczas ponad poniewaz przed przez przy sa sam sama samo sie skad soba "
        "sobie sposob swoj swoja swoje ta tak taka taki takie takze tam te tego tej temu ten teraz tez to toba "
        "tobie totez tu tutaj tych tylko tym tys u w wam wami was wasz wiec wszystko wy z za zas ze zeby"
    ),
    "german": (
        "aber alle allem allen aller alles als also am an auch auf aus bei beim bin bis bist da damit dann das "
        "dass dem den denn der des dich die dies diese diesem diesen dieser dieses dir doch dort du durch ein eine "
        "einem einen einer eines er es etwas euch euer eure fur gegen hab habe haben hat hatte hatten hier hin ich "
        "ihm ihn ihnen ihr ihre ihrem ihren ihrer im in ins ist ja jede jedem jeden jeder jetzt kann man mein "
        "meine meinem meinen meiner mich mir mit nach noch nun nur ob oder schon sehr sein seine seit sich sie "
        "sind so soll sollte uber um und uns unser unsere unter vom von vor war waren wegen weil wenn wer werden "
        "wie wieder wir wird wo wurde wurden zu zum zur"
    ),
    "french": (
        "a afin ai ainsi alors au aussi autre aux avait avec avez avoir avons c car ce cela ces cet cette ceux "
        "chez comme d dans de des deux donc dont du elle elles en encore entre es est et etaient etait etant ete "
        "etre eu eux faire fait il ils j je jusqu l la le les leur leurs lors lui m ma mais me meme mes moi mon n "
        "ne nos notre nous on ont ou par parce pendant peu peut plus pour puis qu quand que quel quelle qui quoi s "
        "sa se sera ses si soit son sont sous sur t ta te tes toi ton tous tout toute toutes tu un une vos votre "
        "vous y"
    ),
    "spanish": (
        "a al algo ante antes aqui asi aun aunque cada como con cual cuando de del desde donde dos durante e el "
        "ella ellas ellos en entre era eran es esa ese eso esta estaba estado estan estar estas este esto estos "
        "estoy fue fueron ha habia han has hasta hay he hemos la las le les lo los mas me mi mis mucho muy nos "
        "nosotros o os otra otro para pero por porque pues que quien se sea ser si sido siempre sobre son soy su "
        "sus tambien tan te tengo tiene todo todos tu tus un una uno unos y ya yo"
    ),
}
"""Language → its words."""

ALL = frozenset(word for words in STOP_WORDS.values() for word in words.split())
