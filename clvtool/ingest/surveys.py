"""The survey platforms that are known by their headers, as data, and the vocabulary of surveys."""

from __future__ import annotations

from clvtool.ingest.profiles import Profile
from clvtool.ingest.survey_words import SURVEY_ASIDE, SURVEY_ROLES
from clvtool.ingest.vocabulary import Vocabulary

SURVEY_PROFILES: tuple[Profile, ...] = (
    Profile(
        "surveymonkey",
        ("respondent id", "collector id", "end date|date modified"),
        roles={
            "answer_id": "respondent id",
            "email": "email address",
            "answer_date": "end date|date modified",
        },
        under="respondent id",
        note="the second row belongs to the header; the day of an answer is the day it ended",
    ),
    Profile(
        "qualtrics",
        ("start date", "end date", "status", "finished", "response id"),
        roles={
            "answer_id": "response id",
            "customer_id": "external reference|external data reference",
            "email": "recipient email",
            "answer_date": "recorded date|end date",
        },
        aside=(
            ("status", "survey preview|survey test|preview|1|2|9|17", "preview"),
            ("status", "spam|8", "spam"),
            ("finished", "false|0", "unfinished"),
        ),
        note="the rows down to the one of ImportId belong to the header",
    ),
    Profile(
        "delighted",
        ("id", "person|person id|email|person email", "score", "comment", "created at"),
        roles={
            "answer_id": "id",
            "customer_id": "person|person id",
            "email": "person email|email",
            "answer_date": "created at",
            "score": "score",
            "comment": "comment",
        },
    ),
    Profile(
        "typeform",
        ("submit date utc|submit date", "token|network id"),
        roles={"answer_id": "token|network id", "answer_date": "submit date utc|submit date"},
    ),
)

SURVEY = Vocabulary("survey", "survey", SURVEY_ROLES, SURVEY_PROFILES, "answer_date", aside=SURVEY_ASIDE)
