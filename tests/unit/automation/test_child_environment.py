from automation.child_environment import limit_environment


def test_only_what_programs_need_is_passed_on():
    needed = {
        "PATH": "/bin",
        "HOME": "/h",
        "LANG": "C",
        "LC_TIME": "C",
        "TZ": "UTC",
        "DISPLAY": ":0",
        "NO_PROXY": "a",
    }
    secret = {
        "SECRET_KEY": "s",
        "OPENAI_API_KEY": "s",
        "CODEGEN_TOKEN": "s",
        "MY_OWN": "s",
        "PGPASSWORD": "s",
        "": "s",
    }

    assert limit_environment({**needed, **secret}) == needed
