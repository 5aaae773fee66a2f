//! Faults that happen to one request.

use std::io::ErrorKind;

use election_conformance::proxy::{Deed, Fault, Proxy, Then, Trigger};
use tokio::{io::AsyncReadExt as _, net::TcpListener, task::yield_now};

use crate::ends::{Client, Heard, bytes, deeds, started, within};

#[tokio::test]
async fn a_request_is_delivered_and_its_reply_dropped() {
    for then in [Then::Close, Then::Reset] {
        let (mut server, proxy) = started().await;
        proxy.inject(Fault::DropReply(then).on(Trigger::Nth(3)));
        let mut client = Client::of(&proxy).await;
        for line in ["one", "two"] {
            client.asks(line).await;
            server.hears_line(line).await;
        }
        client.says("three\n").await;
        match then {
            Then::Close => client.is_closed().await,
            _ => client.is_reset().await,
        }
        server.hears_line("three").await;
        within(proxy.until_injected()).await;
        Client::of(&proxy).await.asks("four").await;
        let [swallowed, _ended] = proxy.injections().try_into().unwrap();
        assert_eq!(swallowed.deed, Deed::Swallowed);
        assert_eq!(swallowed.bytes, "ok three\n".len());
    }
}

#[tokio::test]
async fn a_connection_whose_reply_was_dropped_can_hang() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::DropReply(Then::Hang));
    let mut client = Client::of(&proxy).await;
    client.says("one\n").await;
    within(proxy.until_injected()).await;
    server.hears_line("one").await;
    assert_eq!(deeds(&proxy), [Deed::Swallowed]);
    proxy.heal();
    client.asks("two").await;
}

#[tokio::test]
async fn a_server_that_leaves_is_not_missed_before_a_hanging_connection_is_healed() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let proxy = Proxy::start(listener.local_addr().unwrap(), 1)
        .await
        .unwrap();
    proxy.inject(Fault::DropReply(Then::Hang));
    let mut client = Client::of(&proxy).await;
    client.says("one\n").await;
    let (mut stream, _) = within(listener.accept()).await.unwrap();
    within(stream.read_exact(&mut [0; 4])).await.unwrap();
    drop(stream);
    within(proxy.until_injected()).await;
    assert_eq!(proxy.connections().len(), 1);
    proxy.heal();
    client.is_closed().await;
}

#[tokio::test]
async fn pipelined_requests_are_one() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::DropReply(Then::Hang).on(Trigger::Nth(1)));
    let mut client = Client::of(&proxy).await;
    client.says("one\ntwo\nthree\n").await;
    for line in ["one", "two", "three"] {
        server.hears_line(line).await;
    }
    let answers = "ok one\nok two\nok three\n".len();
    within(proxy.until(|log| bytes(log, Deed::Swallowed) == answers)).await;
    proxy.heal();
    client.asks("four").await;
}

#[tokio::test]
async fn requests_are_counted_over_all_connections() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::Reset.on(Trigger::Nth(3)));
    let mut one = Client::of(&proxy).await;
    let mut other = Client::of(&proxy).await;
    one.asks("first").await;
    other.asks("second").await;
    server.hears_line("first").await;
    server.hears_line("second").await;
    one.says("third, never delivered\n").await;
    one.is_reset().await;
    assert_eq!(
        server.hears().await,
        Heard::Failed(ErrorKind::ConnectionReset)
    );
    other.asks("fourth").await;
}

#[tokio::test]
async fn a_request_is_known_by_its_bytes_however_they_are_cut() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::Reset.on(Trigger::containing("needle")));
    let mut client = Client::of(&proxy).await;
    client.asks("hay").await;
    server.hears_line("hay").await;
    client.says("hay nee").await;
    yield_now().await;
    client.says("dle hay\n").await;
    client.is_reset().await;
    assert_eq!(
        server.hears().await,
        Heard::Failed(ErrorKind::ConnectionReset)
    );
}

#[tokio::test]
async fn a_standing_fault_can_begin_with_a_request() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::Blackhole.on(Trigger::Nth(2)));
    let mut client = Client::of(&proxy).await;
    client.asks("one").await;
    server.hears_line("one").await;
    client.says("two\n").await;
    within(proxy.until_injected()).await;
    Client::of(&proxy).await.asks("on another connection").await;
    server.hears_line("on another connection").await;
    proxy.heal();
    client.hears_line("ok two").await;
}

#[tokio::test]
async fn a_captured_request_is_delivered_and_can_be_replayed() {
    let (mut server, proxy) = started().await;
    let mut client = Client::of(&proxy).await;
    client.asks("login").await;
    client.asks("something else").await;
    proxy.inject(Fault::Capture.on(Trigger::containing("secret")));
    client.asks("secret errand").await;
    within(proxy.until_injected()).await;
    client.asks("after").await;
    for line in ["login", "something else", "secret errand", "after"] {
        server.hears_line(line).await;
    }
    let [errand] = proxy.captures().try_into().unwrap();
    assert_eq!(errand.bytes(), b"secret errand\n");
    assert_eq!(errand.connection(), 1);
    drop(client);
    assert_eq!(server.hears().await, Heard::Closed);

    let answer = within(proxy.replay(&errand)).await.unwrap();
    assert_eq!(answer, b"denied\n");
    server.hears_line("secret errand").await;
    assert_eq!(server.hears().await, Heard::Closed);

    let answer = within(proxy.replay(&errand.with_preamble(1)))
        .await
        .unwrap();
    assert_eq!(answer, b"ok secret errand\n");
    server.hears_line("login").await;
    server.hears_line("secret errand").await;
    assert_eq!(
        deeds(&proxy),
        [Deed::Captured, Deed::Replayed, Deed::Replayed]
    );
}

#[tokio::test]
async fn a_withheld_request_reaches_the_server_only_when_replayed() {
    let (mut server, proxy) = started().await;
    proxy.inject(Fault::Withhold.on(Trigger::Nth(1)));
    let mut client = Client::of(&proxy).await;
    client.says("late\n").await;
    within(proxy.until_injected()).await;
    drop(client);
    assert_eq!(server.hears().await, Heard::Closed);
    Client::of(&proxy).await.asks("early").await;
    server.hears_line("early").await;
    assert_eq!(server.hears().await, Heard::Closed);
    let answer = within(proxy.replay(&proxy.captures()[0])).await.unwrap();
    assert_eq!(answer, b"ok late\n");
    server.hears_line("late").await;
}

#[tokio::test]
async fn a_replay_fails_if_the_server_cannot_be_reached() {
    let (_server, inner) = started().await;
    let proxy = Proxy::start(inner.address(), 1).await.unwrap();
    proxy.inject(Fault::Withhold);
    Client::of(&proxy).await.says("one\n").await;
    within(proxy.until_injected()).await;
    inner.inject(Fault::Refuse);
    let error = within(proxy.replay(&proxy.captures()[0]))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::ConnectionRefused);
}

#[tokio::test]
async fn a_replay_says_at_which_part_of_the_preamble_the_server_left() {
    let (_server, inner) = started().await;
    let proxy = Proxy::start(inner.address(), 1).await.unwrap();
    let mut client = Client::of(&proxy).await;
    client.asks("login").await;
    proxy.inject(Fault::Capture);
    client.asks("errand").await;
    let errand = proxy.captures().remove(0).with_preamble(usize::MAX);
    inner.inject(Fault::DropReply(Then::Close));
    let error = within(proxy.replay(&errand)).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::UnexpectedEof);
    assert!(
        error.to_string().contains("request 1 of the preamble"),
        "{error}"
    );
}
