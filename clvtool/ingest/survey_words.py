"""The words of surveys in five languages, as data: headers, questions, and what tells an answer from a preview."""

from __future__ import annotations

from clvtool.ingest.words import ROLES

SURVEY_ROLES: dict[str, str] = {
    "answer_id": (
        "response id|respondent id|answer id|submission id|token|survey response id|"
        "id odpowiedzi|numer odpowiedzi|id respondenta|antwort id|antwortnummer|teilnehmer id|"
        "id reponse|id de reponse|identifiant reponse|id respuesta|id de respuesta|id de la respuesta"
    ),
    "customer_id": ROLES["customer_id"] + "|external reference|external data reference|contact id|member id",
    "email": ROLES["email"] + "|recipient email|respondent email|username|nazwa uzytkownika",
    "phone": ROLES["phone"],
    "answer_date": (
        "answer date|answered at|answered on|response date|responded at|response time|submitted at|submit date|"
        "submission date|date submitted|submitted|timestamp|survey date|completed at|end date|recorded date|"
        "exit date|leaving date|"
        "date|created at|created on|created|date created|"
        "sygnatura czasowa|data odpowiedzi|data wypelnienia|data ankiety|data|data utworzenia|data zakonczenia|"
        "data odejscia|austrittsdatum|date de depart|fecha de baja|"
        "zeitstempel|antwortdatum|beantwortet am|datum|abgesendet am|erstellt am|"
        "horodateur|date de reponse|date reponse|date de la reponse|date de soumission|"
        "marca temporal|fecha de respuesta|fecha respuesta|fecha de envio|fecha"
    ),
    "score": "",  # found by the question that is asked: questions.py
    "weight": "",  # only when asked for
    "value": "",  # likewise
    "comment": (
        "comment|comments|feedback|verbatim|open ended response|free text|remarks|"
        "komentarz|komentarze|uwagi|opinia|kommentar|kommentare|anmerkung|anmerkungen|"
        "commentaire|commentaires|remarque|remarques|comentario|comentarios|observaciones"
    ),
}
"""Role → header words, as in words.ROLES."""

SCORES: dict[str, str] = {
    "nps": (
        "nps|nps score|score nps|nps rating|net promoter score|likelihood to recommend|recommendation|recommend|ltr|"
        "wynik nps|ocena nps|nps wert|nps bewertung|note nps|puntuacion nps"
    ),
    "csat": (
        "csat|csat score|satisfaction|customer satisfaction|satisfaction score|overall satisfaction|stars|star rating|"
        "zadowolenie|satysfakcja|gwiazdki|zufriedenheit|sterne|satisfaction client|etoiles|satisfaccion|estrellas"
    ),
    "ces": (
        "ces|ces score|customer effort score|customer effort|effort|effort score|wysilek|wysilek klienta|aufwand|"
        "effort client|esfuerzo"
    ),
}
"""Question → header words of its score."""

STEMS: dict[str, str] = {
    "nps": "recommend|recommand|polec|empfehl|weiterempfehl|recomend",
    "csat": "satisf|satysf|zadowol|zufrieden",
    "ces": "effort|easy|easily|wysil|latw|trudn|aufwand|einfach|leicht|facil|esfuerz",
}
"""Question → how words begin that stand in the text of the question."""

ANY_SCORE = (
    "score|rating|answer|grade|points|ocena|wynik|punkty|odpowiedz|bewertung|note|punkte|wertung|puntuacion|"
    "calificacion|valoracion|nota"
)
"""Header words of a score of any question."""

COMMENT_STEMS = (
    "why|reason|comment|improve|better|ended|dlaczego|powod|popraw|lepiej|uwag|pourquoi|raison|amelior|mieux|warum|"
    "grund|verbesser|besser|motivo|mejor|coment"
)
"""How words begin that stand in the text of an open question."""

REASONS = (
    "reason|reasons|exit reason|exit reasons|reason for leaving|reasons for leaving|leaving reason|churn reason|"
    "reason for cancelling|cancellation reason|cancellation reasons|cancel reason|why did you leave|"
    "powod|powody|powod odejscia|powody odejscia|powod rezygnacji|powody rezygnacji|przyczyna|przyczyny|"
    "przyczyna odejscia|przyczyna rezygnacji|grund|grunde|kundigungsgrund|kundigungsgrunde|abwanderungsgrund|"
    "raison|raisons|raison du depart|raison de depart|motif|motifs|motif de depart|motif de resiliation|"
    "motivo|motivos|motivo de baja|motivo de cancelacion|motivos de baja"
)
"""Header words of the reasons for leaving."""

REASON_STEMS = (
    "reason|why|leav|cancel|powod|przyczyn|dlaczego|rezygn|odejsc|odchodz|grund|warum|kundig|raison|pourquoi|motif|"
    "resili|motivo|por que|cancela"
)
"""How words begin that stand in the text of a question about reasons."""

YES = ("yes", "true", "1", "y", "x", "tak", "ja", "oui", "si", "sí", "checked", "selected", "shown")
NO = ("no", "false", "0", "n", "nie", "nein", "non", "unchecked", "not selected", "not shown", "-")
"""What says in the column of an option, in lower case, that it was chosen or not."""

SURVEY_ASIDE: tuple[tuple[str, str, str], ...] = (
    ("response status|status|survey status|completion status", "preview|survey preview|test|survey test", "preview"),
    ("response status|status|survey status|completion status", "spam", "spam"),
    (
        "response status|status|survey status|completion status",
        "partial|incomplete|unfinished|in progress|disqualified|niepełna|częściowa|unvollständig|incomplet|incompleta",
        "unfinished",
    ),
    ("finished|is finished|completed|is complete|complete|zakonczona|ukonczona", "false|no|0|nie|nein", "unfinished"),
)
"""Header, words, reason: which rows are no answers, in surveys of no known platform."""

NO_SCORE = ("", "-", "–", "na", "n/a", "#n/a", "nan", "null", "none")
"""What stands for no score, in lower case."""
