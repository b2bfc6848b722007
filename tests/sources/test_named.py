"""What a name is, and how it may be shown and kept."""

import os

import pytest

from sources.named import Kind, absolute, kind_of, shown


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.jpg", Kind.PATH),
        ("photos/*.mp4.jpg", Kind.PATH),
        ("a/b.zip", Kind.ARCHIVE),
        ("b.TAR.GZ", Kind.ARCHIVE),
        ("a.MOV", Kind.VIDEO),
        ("camera:0", Kind.CAMERA),
        ("camera:front", Kind.PATH),
        ("", Kind.PATH),
        ("https://host/cat.jpg", Kind.URL),
        ("HTTP://host/[1]?.jpg", Kind.URL),
        ("http://[::1/x", Kind.URL),
        ("http://host/x.zip", Kind.WEB_ARCHIVE),
        ("https://host/x.tar.gz?sig=1", Kind.WEB_ARCHIVE),
        ("s3://bucket/x.tar", Kind.STORED),
        ("GS://bucket/", Kind.STORED),
        ("http://host/x.mp4?y#z", Kind.STREAM),
        ("http://host/x?y=.mp4", Kind.URL),
        ("rtsp://host/live", Kind.STREAM),
        ("ftp://host/x.zip", Kind.OTHER_URL),
        ("data:image/png;base64,AA", Kind.OTHER_URL),
        ("c://x.jpg", Kind.PATH),
        ("x/http://y", Kind.PATH),
    ],
)
def test_kind_of_a_name(name, kind):
    assert kind_of(name) is kind


def test_what_exists_is_no_url(tree):
    tree("data:1.jpg", "s3:/a.jpg")
    assert kind_of("data:1.jpg") is kind_of("s3://a.jpg") is Kind.PATH


@pytest.mark.parametrize(
    ("url", "printed"),
    [
        ("https://host:80/a@b:c@d?e@f", "https://host:80/a@b:c@d?e@f"),
        ("https://[::1]:80/@", "https://[::1]:80/@"),
        ("https://me@host/a@b", "https://***@host/a@b"),
        ("https://me:se@cret@host/a", "https://***@host/a"),
        ("https://me:se/c?r#e@t@host/a", "https://***@host/a"),
        ("rtsp://me:secret@host/live", "rtsp://***@host/live"),
        ("data:" + "A" * 10**6, "data:" + "A" * 55 + "…"),
        ("photos/a:b@c.jpg", "photos/a:b@c.jpg"),
    ],
)
def test_no_password_is_shown(url, printed):
    assert shown(url) == printed


def test_only_what_is_on_disk_has_an_absolute_path():
    assert absolute("a#t=1.jpg", "/x/../y") == os.path.abspath("/y/a#t=1.jpg")
    for name in ("https://host/a/../b", "rtsp://host/#t=1", "camera:0", "camera:0#t=1.5"):
        assert absolute(name, "/x") == name
